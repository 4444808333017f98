// Connects as Claude Code's configuration says, with the API token from the environment, and never by OAuth.
//
//   MITTWALD_TOKEN=… node configured.mjs --config .mcp.json --era modern|legacy --may read|write

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { demand, exitCode, keepSecret, report, step } from './report.mjs';

const { values } = parseArgs({
  options: { config: { type: 'string' }, era: { type: 'string' }, may: { type: 'string' } },
});
keepSecret(process.env.MITTWALD_TOKEN);

const SERVER_ID = '11111111-1111-4111-8111-111111111111';
const MODERN = '2026-07-28';

/** `${NAME}` is taken from the environment, as in Claude Code. */
const expanded = (text) => text.replace(/\$\{(\w+)\}/g, (_, name) => process.env[name] ?? '');

try {
  const { mcpServers: { mittwald } } = JSON.parse(await readFile(values.config, 'utf8'));
  demand('config', mittwald.type === 'http' && typeof mittwald.headers?.Authorization === 'string', Object.keys(mittwald));
  const headers = Object.fromEntries(Object.entries(mittwald.headers).map(([name, value]) => [name, expanded(value)]));
  const client = new Client(
    { name: 'configured', version: '1.0.0' },
    { versionNegotiation: { mode: values.era === 'modern' ? { pin: MODERN } : 'legacy' } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(mittwald.url), { requestInit: { headers } }));
  step('connect', true, client.getNegotiatedProtocolVersion());
  const { tools } = await client.listTools();
  demand('tools', tools.some(({ name }) => name === 'mittwald_project_list'), tools.length);
  const list = await client.callTool({ name: 'mittwald_project_list', arguments: {} });
  demand('read', list.isError !== true);
  const create = { name: 'mittwald_project_create', arguments: { serverId: SERVER_ID, description: 'by an API token' } };
  const outcome = await client.callTool(create).then((result) => (result.isError ? 'failed' : 'done'), (error) => String(error));
  demand('write', values.may === 'write' ? outcome === 'done' : /403|scope/i.test(outcome), outcome.slice(0, 300));
  await client.close();
} catch (error) {
  report(error);
}
process.exit(exitCode());
