// A client whose user never answers: what becomes of its calls, and of the next one.
//
//   MCP_TEST_TOKEN=… node silent.mjs --url URL --era modern|legacy --bound MILLISECONDS
//
// Prints one JSON line a step; the exit code is 0 only when every step passed.

import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { demand, exitCode, keepSecret, note, report } from './report.mjs';

const { values } = parseArgs({
  options: { url: { type: 'string' }, era: { type: 'string' }, bound: { type: 'string' } },
});
const token = process.env.MCP_TEST_TOKEN;
keepSecret(token);
console.log = console.info = console.debug = console.warn = console.error = note;

const MODERN = '2026-07-28';
const BOUND = Number(values.bound);
/** What a busy machine may need beside the bound. */
const SLACK = 20_000;
/** As many questions wait in one session. */
const WAITING = 16;
const RESTART = { name: 'mittwald_container_restart', arguments: { projectId: 'p-000001', containerId: 'c-000001' } };
const LOGS = { name: 'mittwald_container_logs', arguments: { ...RESTART.arguments, tail: 1000 } };
const YES = { action: 'accept', content: { confirm: true } };

const textOf = (result) => result.content?.map((part) => part.text ?? '').join('') ?? '';
const after = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Until `done`, and no longer than a busy machine needs. */
async function until(name, done) {
  const since = Date.now();
  while (!done()) {
    demand(name, Date.now() - since < SLACK, 'never');
    await after(20);
  }
}

/** How each POST ended: `{ status, took, body }`, the body as it was sent. */
const posts = [];
const recording = async (input, init) => {
  const since = Date.now();
  const response = await fetch(input, init);
  if (init?.method === 'POST') posts.push({ status: response.status, took: Date.now() - since, body: init.body });
  return response;
};

/** While set, the user thinks: one function for each question, which answers it. */
let thinking = [];
const client = new Client(
  { name: 'silent', version: '1.0.0' },
  {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode: values.era === 'modern' ? { pin: MODERN } : 'legacy' },
  },
);
client.setRequestHandler('elicitation/create', () =>
  thinking === undefined ? YES : new Promise((resolve) => { thinking.push(resolve); }));
// What comes too late is answered by an error, which the SDK reports here.
client.onerror = (error) => note(error.message);

const starts = async () => textOf(await client.callTool(LOGS)).split(' started').length - 1;

/** As many calls as may wait; each is asked about, and nobody answers. */
async function ask() {
  const before = thinking.length;
  const calls = Array.from({ length: WAITING }, async () => {
    const since = Date.now();
    const result = await client.callTool(RESTART);
    return { result, took: Date.now() - since };
  });
  await until('asked', () => thinking.length === before + WAITING);
  return calls;
}

/** In a session the calls end by themselves, and leave their places to others. */
async function legacy() {
  for (const round of ['first', 'second']) {
    for (const { result, took } of await Promise.all(await ask())) {
      const isClear = result.isError === true && /^Not run: nobody answered/.test(textOf(result));
      if (!isClear || took > BOUND + SLACK) demand(`${round}.told`, false, { took, text: textOf(result) });
    }
    demand(`${round}.ended`, true);
  }
}

/** Without a session they end at once, with a question; the SDK waits for its user, not for the server. */
async function modern() {
  await ask();
  const calls = await ask();
  const asking = posts.filter(({ body }) => JSON.parse(body).params?.name === RESTART.name);
  demand('answered', asking.length === 2 * WAITING && asking.every(({ status }) => status === 200), asking.length);
  await after(BOUND + 500);
  // One of them answers after all.
  thinking.at(-1)(YES);
  const late = await Promise.race(calls.map(async (call) => (await call).result));
  demand('late.told', late.isError === true && /not valid/.test(textOf(late)), textOf(late));
}

try {
  const transport = new StreamableHTTPClientTransport(new URL(values.url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: recording,
  });
  await client.connect(transport);
  const version = client.getNegotiatedProtocolVersion();
  demand('connect', (version === MODERN) === (values.era === 'modern'), version);
  const before = await starts();
  await (values.era === 'modern' ? modern() : legacy());
  demand('not_run', (await starts()) === before);

  // The next one is asked, and runs.
  const late = thinking;
  thinking = undefined;
  const run = await client.callTool(RESTART);
  demand('next.run', run.isError !== true, textOf(run));
  demand('next.ran_once', (await starts()) === before + 1);
  if (values.era === 'legacy') {
    // Their user says yes when nobody waits any more.
    const isLate = ({ status, body }) => status === 400 && JSON.parse(body).result?.action === 'accept';
    for (const [index, answer] of late.entries()) {
      answer(YES);
      await until('late.refused', () => posts.filter(isLate).length === index + 1);
    }
    demand('late.not_run', (await starts()) === before + 1);
  }
  await client.close();
} catch (error) {
  report(error);
}
process.exit(exitCode());
