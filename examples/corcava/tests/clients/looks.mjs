// Looks at a page in every language, theme and width: axe-core finds nothing, nothing sticks out, and there is a picture if
// one is wanted.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { note } from './report.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = [
  { name: 'light', colorScheme: 'light', language: 'en', width: 1100 },
  { name: 'dark-de', colorScheme: 'dark', language: 'de', width: 1100 },
  { name: 'phone-de', colorScheme: 'light', language: 'de', width: 360 },
  { name: 'phone-dark', colorScheme: 'dark', language: 'en', width: 360 },
];

/** `prepare` may open what is folded away; `inBoth` is for a page that says everything twice. */
export async function looks(browser, state, name, url, { shots, prepare, inBoth = false } = {}) {
  for (const view of VIEWS) {
    const context = await browser.newContext({
      storageState: state,
      colorScheme: view.colorScheme,
      viewport: { width: view.width, height: 800 },
      // The pages allow no foreign script, and axe-core is one.
      bypassCSP: true,
    });
    const page = await context.newPage();
    const at = new URL(url);
    at.searchParams.set('lang', view.language);
    await page.goto(at.href);
    await prepare?.(page);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' ')}`);
    note(`axe ${name} ${view.name}`, found.length === 0, found);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - globalThis.innerWidth);
    note(`width ${name} ${view.name}`, wide <= 0, wide);
    const language = await page.evaluate(() => document.documentElement.lang);
    note(`language ${name} ${view.name}`, inBoth || language === view.language, language);
    if (shots) await page.screenshot({ path: join(shots, `${name}-${view.name}.png`), fullPage: true });
    await context.close();
  }
}
