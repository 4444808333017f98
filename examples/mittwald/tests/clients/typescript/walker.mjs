// A browser without a screen: it follows an authorization URL through sign-in and
// consent to the loopback redirect URI, as a person without script would.
//
// 1. Cookies are kept per host and path; a `Secure` cookie is refused over http,
//    so a server that only works with lenient browsers is found out here.
// 2. A form is filled once; a sign-in page that comes back means a wrong password.
// 3. `Origin` is sent as browsers send it: `null` under `Referrer-Policy: no-referrer`.
// 4. The redirect URI is never requested: its query is the result.

import { approvingButton, parseForms, plainText } from './forms.mjs';

const MAX_STEPS = 20;
const MAX_PAGE = 512 * 1024;

/** Cookies of one walk, the few rules of RFC 6265 that loopback pages need. */
class CookieJar {
  #cookies = new Map();

  store(url, response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const split = pair.indexOf('=');
      if (split < 1) continue;
      const name = pair.slice(0, split);
      const of = new Map(attributes.map((text) => {
        const at = text.indexOf('=');
        return at < 0 ? [text.toLowerCase(), ''] : [text.slice(0, at).toLowerCase(), text.slice(at + 1)];
      }));
      if (of.has('secure') && url.protocol !== 'https:') continue;
      const path = of.get('path')?.startsWith('/') ? of.get('path') : url.pathname.replace(/\/[^/]*$/, '') || '/';
      const key = `${url.hostname}|${path}|${name}`;
      const dead = Number(of.get('max-age') ?? 1) <= 0 || Date.parse(of.get('expires') ?? '') <= Date.now();
      if (dead) this.#cookies.delete(key);
      else this.#cookies.set(key, { host: url.hostname, path, name, value: pair.slice(split + 1) });
    }
  }

  header(url) {
    return [...this.#cookies.values()]
      .filter(({ host, path }) => host === url.hostname
        && (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)))
      .map(({ name, value }) => `${name}=${value}`).join('; ');
  }
}

async function readPage(response) {
  const text = await response.text();
  if (text.length > MAX_PAGE) throw new Error(`a page of ${text.length} characters`);
  return text;
}

/** The request that submitting `form` with `button` makes. */
function submission(page, form, button, values) {
  const fields = new URLSearchParams();
  for (const input of form.inputs) {
    const value = values.get(input) ?? input.value;
    if (input.name && input.submitted) fields.append(input.name, value);
  }
  if (button?.name) fields.append(button.name, button.value);
  const target = new URL(button?.formaction || form.action || page.url.href, page.url);
  if (form.method !== 'post') {
    target.search = fields.toString();
    return { url: target, init: { method: 'GET' } };
  }
  const origin = page.referrerPolicy === 'no-referrer' ? 'null' : page.url.origin;
  return {
    url: target,
    init: {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
      body: fields.toString(),
    },
  };
}

function answer(page, { user, password }, seen) {
  const forms = parseForms(page.html);
  const signIn = forms.find((form) => form.inputs.some((input) => input.type === 'password'));
  if (signIn) {
    if (seen.signIn) throw new Error(`sign-in was refused: ${plainText(page.html)}`);
    seen.signIn = true;
    const secret = signIn.inputs.find((input) => input.type === 'password');
    const name = signIn.inputs.find((input) => ['text', 'email'].includes(input.type));
    if (!name?.name || !secret.name) throw new Error('the sign-in form lacks a named name or password field');
    return submission(page, signIn, approvingButton(signIn) ?? signIn.buttons[0], new Map([[name, user], [secret, password]]));
  }
  for (const form of forms) {
    const button = approvingButton(form);
    if (!button) continue;
    seen.consent += 1;
    return submission(page, form, button, new Map());
  }
  throw new Error(`no form to answer (status ${page.status}): ${plainText(page.html)}`);
}

/**
 * Walks `authorizationUrl` to its redirect URI.
 *
 * Returns `{ params, location, signedIn, consented }`; `params` are those of the redirect,
 * an `error` among them too. `state` is compared here; `iss` is the caller's to compare.
 */
export async function walk(authorizationUrl, { user, password }) {
  let url = new URL(authorizationUrl);
  const redirectUri = new URL(url.searchParams.get('redirect_uri'));
  const state = url.searchParams.get('state');
  const jar = new CookieJar();
  const seen = { signIn: false, consent: 0 };
  let init = { method: 'GET' };
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const headers = { accept: 'text/html,application/xhtml+xml', ...init.headers };
    const cookies = jar.header(url);
    if (cookies) headers.cookie = cookies;
    const response = await fetch(url, { ...init, headers, redirect: 'manual', signal: AbortSignal.timeout(15_000) });
    jar.store(url, response);
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location) {
      await response.arrayBuffer();
      const next = new URL(location, url);
      if (next.origin === redirectUri.origin && next.pathname === redirectUri.pathname) {
        if (state !== null && next.searchParams.get('state') !== state) throw new Error('state differs in the redirect');
        return { params: next.searchParams, location: next, signedIn: seen.signIn, consented: seen.consent > 0 };
      }
      const keeps = response.status === 307 || response.status === 308;
      init = keeps ? init : { method: 'GET' };
      url = next;
      continue;
    }
    const page = {
      url, status: response.status, html: await readPage(response),
      referrerPolicy: response.headers.get('referrer-policy')?.split(',').at(-1).trim().toLowerCase(),
    };
    ({ url, init } = answer(page, { user, password }, seen));
  }
  throw new Error(`no redirect to the client after ${MAX_STEPS} steps`);
}
