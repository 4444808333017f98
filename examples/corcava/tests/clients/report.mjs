// One JSON line a step. Whatever was registered as a secret never reaches the output.

const secrets = new Set();

/** Keeps `value` out of everything that is printed from now on. */
export function keepSecret(value) {
  secrets.add(value);
}

function scrub(text) {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
  return clean;
}

/** Prints one step; a false condition fails the run, which goes on. */
export function note(step, ok, detail = '') {
  if (!ok) process.exitCode = 1;
  process.stdout.write(`${scrub(JSON.stringify({ step, ok: Boolean(ok), detail }))}\n`);
}

/** The same; a false condition ends the run. */
export function demand(step, ok, detail = '') {
  note(step, ok, detail);
  if (!ok) process.exit(1);
}

/** Ends the run with what was not expected. */
export function fail(error) {
  demand('unexpected', false, `${error?.name}: ${error?.message}`.slice(0, 2000));
}
