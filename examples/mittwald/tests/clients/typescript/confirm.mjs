// What a real client's user is asked before a container restarts, and what becomes of each answer.
//
//   MCP_TEST_TOKEN=… node confirm.mjs --url URL --era modern|legacy --cannot-ask refuse|two-step
//
// Prints one JSON line a step; the exit code is 0 only when every step passed. How often the container started is
// read from its logs, so that "ran once" is what the service says.

import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { demand, exitCode, keepSecret, note, report } from './report.mjs';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    era: { type: 'string' },
    'cannot-ask': { type: 'string', default: 'refuse' },
  },
});
const token = process.env.MCP_TEST_TOKEN;
keepSecret(token);
console.log = console.info = console.debug = console.warn = console.error = note;

const MODERN = '2026-07-28';
const URL_OF_MCP = new URL(values.url);
const RESTART = { name: 'mittwald_container_restart', arguments: { projectId: 'p-000001', containerId: 'c-000001' } };
const LOGS = { name: 'mittwald_container_logs', arguments: { ...RESTART.arguments, tail: 1000 } };

const textOf = (result) => result.content?.map((part) => part.text ?? '').join('') ?? '';

/** An SDK client whose user answers with `user.answer`, and all that it posted. */
async function connect(user) {
  const posted = [];
  const recording = (input, init) => {
    if (init?.method === 'POST') posted.push({ headers: new Headers(init.headers), body: init.body });
    return fetch(input, init);
  };
  const client = new Client(
    { name: 'confirming', version: '1.0.0' },
    {
      capabilities: user ? { elicitation: { form: {} } } : {},
      versionNegotiation: { mode: values.era === 'modern' ? { pin: MODERN } : 'legacy' },
    },
  );
  if (user) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      user.asked.push(params.message);
      return user.answer;
    });
  }
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(URL_OF_MCP, { requestInit, fetch: recording }));
  return { client, posted };
}

/** The same bytes again beside the SDK, `edit`ed first: the status and the result. */
async function again({ headers, body }, edit = () => {}) {
  const message = JSON.parse(body);
  edit(message);
  const response = await fetch(URL_OF_MCP, { method: 'POST', headers, body: JSON.stringify(message) });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined;
  return { status: response.status, result: json?.result };
}

const isAnswer = ({ body }) => {
  const message = JSON.parse(body);
  return values.era === 'modern' ? message.params?.inputResponses !== undefined : message.result?.action !== undefined;
};

/** What is taken for an accepted answer that comes a second time: by the service, nothing. */
async function replay(accepted) {
  if (values.era === 'legacy') {
    demand('replay.in_session', accepted.headers.has('mcp-session-id'));
    const { status } = await again(accepted);
    return demand('replay.refused', status === 400, status);
  }
  const refused = (name, { status, result }) =>
    demand(name, status === 200 && result?.isError === true && /not valid/.test(textOf(result)), result ?? status);
  refused('replay.refused', await again(accepted, (message) => { message.id = 9001; }));
  refused('replay.other_arguments', await again(accepted, (message) => {
    message.id = 9002;
    message.params.arguments.containerId = 'c-000002';
  }));
}

async function asked() {
  const user = { asked: [], answer: undefined };
  const { client, posted } = await connect(user);
  const version = client.getNegotiatedProtocolVersion();
  demand('connect', (version === MODERN) === (values.era === 'modern'), version);
  const starts = async () => textOf(await client.callTool(LOGS)).split(' started').length - 1;
  const before = await starts();
  demand('reading_is_free', user.asked.length === 0 && before > 0, before);

  for (const action of ['decline', 'cancel']) {
    user.answer = { action };
    const refused = await client.callTool(RESTART);
    demand(`${action}.told`, refused.isError === true && /^Not run/.test(textOf(refused)), textOf(refused));
    const message = user.asked.splice(0).join('');
    demand(`${action}.asked`, /Restart container shop \(nginx:1\.27-alpine, c-000001\)/.test(message), message);
    demand(`${action}.not_run`, (await starts()) === before);
  }

  user.answer = { action: 'accept', content: { confirm: true } };
  const run = await client.callTool(RESTART);
  demand('accept.run', run.isError !== true, textOf(run));
  demand('accept.asked_once', user.asked.splice(0).length === 1);
  demand('accept.ran_once', (await starts()) === before + 1, await starts());

  await replay(posted.filter(isAnswer).at(-1));
  demand('replay.nobody_asked', user.asked.length === 0);
  demand('replay.not_run', (await starts()) === before + 1);
  await client.close();
  return before + 1;
}

async function cannotAsk(before) {
  const { client } = await connect();
  const starts = async () => textOf(await client.callTool(LOGS)).split(' started').length - 1;
  const { tools } = await client.listTools();
  const { properties } = tools.find(({ name }) => name === RESTART.name).inputSchema;
  const first = await client.callTool({ ...RESTART, arguments: { ...RESTART.arguments, confirm: true } });
  demand('cannot_ask.told', first.isError === true && /^Not run/.test(textOf(first)), textOf(first));
  demand('cannot_ask.not_run', (await starts()) === before);
  if (values['cannot-ask'] === 'refuse') {
    demand('refused.no_argument', !('confirmation_token' in properties), Object.keys(properties));
    await client.close();
    return;
  }
  demand('two_step.argument', 'confirmation_token' in properties, Object.keys(properties));
  const preview = await client.callTool(RESTART);
  const given = /"confirmation_token": "([^"]+)"/.exec(textOf(preview))?.[1];
  keepSecret(given);
  demand('two_step.preview', given !== undefined && /Restart container shop/.test(textOf(preview)), textOf(preview));
  const second = { ...RESTART, arguments: { ...RESTART.arguments, confirmation_token: given } };
  const run = await client.callTool(second);
  demand('two_step.run', run.isError !== true, textOf(run));
  const used = await client.callTool(second);
  demand('two_step.replay', used.isError === true && /not valid/.test(textOf(used)), textOf(used));
  demand('two_step.ran_once', (await starts()) === before + 1);
  await client.close();
}

try {
  await cannotAsk(await asked());
} catch (error) {
  report(error);
}
process.exit(exitCode());
