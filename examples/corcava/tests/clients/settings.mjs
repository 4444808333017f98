// A person at the settings pages, in Debian's Chromium, and their MCP client: create a key, use it, see its last use, rotate
// it, use both secrets, revoke it, undo what it changed, read the record.
//
//   CORCAVA_TEST_PASSWORD=… node settings.mjs --origin http://127.0.0.1:8788 --user ada --era modern|legacy [--looks [--shots DIR]]

import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { chromium } from 'playwright-core';
import { looks } from './looks.mjs';
import { demand, fail, keepSecret } from './report.mjs';

const { values } = parseArgs({
  options: {
    origin: { type: 'string' },
    user: { type: 'string' },
    era: { type: 'string', default: 'modern' },
    looks: { type: 'boolean', default: false },
    shots: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const { origin, user, era, shots } = values;
const password = process.env.CORCAVA_TEST_PASSWORD;
keepSecret(password);
if (shots) await mkdir(shots, { recursive: true });
const SETTINGS = `${origin}/settings/integrations/public-api`;
const NAME = 'cursor-work-laptop';

/** A client with this key, whose user types what is demanded. */
async function connected(key) {
  const asked = [];
  const client = new Client(
    { name: 'browser-test', version: '1.0.0' },
    {
      capabilities: { elicitation: {} },
      versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message);
    const words = params.requestedSchema.properties.phrase.title.replace(/^Type (.*) to go on$/, '$1');
    return { action: 'accept', content: { phrase: words } };
  });
  const headers = { Authorization: `Bearer ${key}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers } }));
  return { client, asked };
}

/** The status of a request with this key. */
async function status(key) {
  const headers = {
    authorization: `Bearer ${key}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  return (await fetch(`${origin}/mcp`, { method: 'POST', headers, body })).status;
}

/** Opens every folded part. */
const unfold = (page) =>
  page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));

const browser = await chromium.launch({
  executablePath: values.chromium,
  // Nothing but this machine is reached.
  args: ['--no-sandbox', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});
try {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const view = async (name, url, more) =>
    values.looks && looks(browser, await context.storageState(), name, url, { shots, ...more });

  await page.goto(SETTINGS);
  demand('sent to sign in', new URL(page.url()).pathname === '/login', page.url());
  await view('login', `${origin}/login`);
  await page.getByLabel('Name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(SETTINGS);
  await view('empty', SETTINGS);

  await page.getByLabel('Name').fill(NAME);
  for (const scope of ['Create and change tasks', 'Delete tasks']) await page.getByLabel(scope).check();
  await page.getByRole('button', { name: 'Create key' }).click();
  const secret = () => page.locator('#key').textContent();
  const first = await secret();
  keepSecret(first);
  demand('shown once', /^corcava_/.test(first));
  await page.getByRole('button', { name: 'Copy' }).first().click();
  demand('copied', (await page.evaluate(() => navigator.clipboard.readText())) === first);
  if (shots) {
    // A picture of the page, not of the secret.
    await page.evaluate(() => (document.querySelector('#key').textContent = 'corcava_production_…'));
    await page.screenshot({ path: `${shots}/secret.png`, fullPage: true });
  }

  const { client, asked } = await connected(first);
  const { tools } = await client.listTools();
  demand('tools', tools.length === 14, tools.length);
  const call = (name, args) => client.callTool({ name, arguments: args });
  const tasks = (await call('list_tasks', { search: 'imprint' })).structuredContent.items;
  demand('read', tasks.length === 1, tasks.length);
  const change = { task_id: tasks[0].id, title: 'Write the imprint & the terms', status: 'in_progress', reason: 'weekly planning' };
  const changed = await call('update_task', change);
  demand('changed', changed.structuredContent?.version === 2, changed.content);
  demand('asked', asked.length === 1 && asked[0].includes('becomes'), asked);
  const made = await call('create_task', { title: 'Order the <b>flowers</b>', due_date: '2031-05-31' });
  demand('created', made.structuredContent?.title === 'Order the <b>flowers</b>', made.content);
  const deleted = await call('delete_task', { task_id: made.structuredContent.id });
  demand('deleted', deleted.structuredContent?.success === true && /DELETE|Delete/.test(asked[2]), deleted.content);

  await page.goto(SETTINGS);
  const card = page.locator('li.key', { hasText: NAME });
  demand('last use', /127\.0\.0\.1/.test(await card.textContent()), await card.textContent());
  await view('keys', SETTINGS, { prepare: unfold });

  await card.getByText('Rotate').first().click();
  await card.getByLabel('The old secret is taken for').selectOption({ label: 'one hour' });
  await card.getByRole('button', { name: 'Rotate' }).click();
  const second = await secret();
  keepSecret(second);
  demand('another secret', second !== first);
  demand('both in the overlap', (await status(first)) === 200 && (await status(second)) === 200);
  demand('the open client goes on', (await call('list_projects', {})).isError !== true);

  await page.goto(SETTINGS);
  await card.getByRole('link', { name: /Activity and changes/ }).click();
  const keyPage = page.url();
  await view('key', keyPage);
  await page.getByRole('button', { name: 'Revoke this key' }).click();
  const begun = performance.now();
  await page.waitForURL(keyPage);
  while ((await status(first)) !== 401 || (await status(second)) !== 401) {
    if (performance.now() - begun > 5_000) break;
  }
  const took = Math.round(performance.now() - begun);
  demand('refused within a second', took < 1_000, took);
  const outcome = await call('list_tasks', {}).then(() => 'done', (error) => String(error));
  demand('the open client is refused', outcome !== 'done', outcome.slice(0, 200));

  const undo = page.getByRole('button', { name: /^Undo/ });
  demand('three changes', (await undo.count()) === 3, await undo.count());
  for (let left = 3; left > 0; left -= 1) {
    await undo.first().click();
    await page.waitForFunction((count) => document.querySelectorAll('form[action*="/undo"] button').length < count, left);
  }
  demand('undone', (await page.getByText('undone', { exact: true }).count()) === 3);
  await view('key-over', keyPage);

  await view('changes', `${origin}/settings/changes`);
  await page.goto(`${origin}/settings/audit`);
  const record = await page.locator('main').textContent();
  for (const part of ['verified', 'create a key', 'rotate a key', 'revoke a key', 'undo a change', 'list_tasks', 'update_task', 'delete_task', NAME]) {
    demand(`record: ${part}`, record.includes(part));
  }
  await view('audit', `${origin}/settings/audit`);
  await page.getByLabel('Tool').selectOption('update_task');
  await page.getByRole('button', { name: 'Filter' }).click();
  const calls = await page.locator('ol.log > li').count();
  demand('filtered', calls >= 1 && (await page.locator('ol.log .what').allTextContents()).every((tool) => tool === 'update_task'), calls);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /Export/ }).click()]);
  demand('export', download.suggestedFilename() === 'corcava-audit.jsonl', download.suggestedFilename());
  await view('problem', `${SETTINGS}/keys/nothing`, { inBoth: true });
  demand('no complaints', complaints.length === 0, complaints);
  await client.close().catch(() => {});
} catch (error) {
  fail(error);
} finally {
  await browser.close();
}
process.exit();
