// One JSON line a step. Whatever was registered as a secret never reaches the output.

const secrets = new Set();
let failed = false;

/** Keeps `value` out of everything that is printed from now on. */
export function keepSecret(value) {
  if (typeof value === 'string' && value.length >= 4) secrets.add(value).add(JSON.stringify(value).slice(1, -1));
}

function scrub(text) {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
  return clean;
}

/** Writes what the SDK logs to standard error, without secrets. */
export function note(...words) {
  process.stderr.write(`${scrub(words.map(String).join(' ')).slice(0, 1000)}\n`);
}

/** Prints one step and remembers a failure for `finish`. */
export function step(name, ok, detail = '') {
  failed ||= !ok;
  process.stdout.write(`${scrub(JSON.stringify({ step: name, ok: Boolean(ok), detail }))}\n`);
}

/** Like `step`, but a false condition also ends the scenario. */
export function demand(name, ok, detail = '') {
  step(name, ok, detail);
  if (!ok) throw new Reported(name);
}

/** A failure that was printed already. */
export class Reported extends Error {}

/** Prints an unexpected error as a failed step. */
export function report(error) {
  if (!(error instanceof Reported)) {
    const cause = error?.cause instanceof Error ? ` (${error.cause.message})` : '';
    step('unexpected', false, `${error?.name}: ${error?.message}${cause}`.slice(0, 1000));
  }
}

/** The exit code: 0 only when every step passed. */
export const exitCode = () => (failed ? 1 : 0);
