// Sign-in and consent pages that work without script: one form and one approving button each.

const PATH = /^\/interaction\/([\w-]{1,64})(\/login|\/confirm|\/abort)?$/;
const MAX_FORM = 16 * 1024;

const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

function send(response, title, body, status = 200) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  }).end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`);
}

const signIn = (uid, problem = '') => `${problem && `<p role="alert">${problem}</p>`}
<form method="post" action="/interaction/${uid}/login">
<label>Name <input type="text" name="username" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required></label>
<button type="submit">Sign in</button></form>`;

const consent = (uid, client, scope) => `<p><b>${escape(client)}</b> asks for: ${escape(scope)}</p>
<form method="post" action="/interaction/${uid}/confirm">
<button type="submit" name="decision" value="approve">Allow access</button>
<button type="submit" formaction="/interaction/${uid}/abort" name="decision" value="deny">Deny</button></form>`;

async function readForm(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_FORM) throw new Error('form too large');
  }
  return new URLSearchParams(text);
}

/** The grant that covers what the prompt says is missing. */
async function grantFor(provider, { prompt: { details }, params, session, grantId }) {
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return grant.save();
}

/** The pages for `users` (name → password). */
export function createInteractions(users) {
  return {
    accepts: (request) => PATH.test(request.url),
    async handle(provider, request, response) {
      const [, uid, action] = request.url.match(PATH);
      const details = await provider.interactionDetails(request, response);
      if (request.method !== 'POST') {
        if (details.prompt.name === 'login') return send(response, 'Sign in', signIn(uid));
        const client = await provider.Client.find(details.params.client_id);
        return send(response, 'Allow access?', consent(uid, client.clientName ?? client.clientId, details.params.scope));
      }
      const form = await readForm(request);
      const finish = (result) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
      if (action === '/abort') return finish({ error: 'access_denied', error_description: 'the person refused' });
      if (action === '/login') {
        const name = form.get('username') ?? '';
        if (!users.has(name) || users.get(name) !== form.get('password')) {
          return send(response, 'Sign in', signIn(uid, 'Name or password is wrong.'), 401);
        }
        return finish({ login: { accountId: name } });
      }
      if (action !== '/confirm' || details.prompt.name !== 'consent') throw new Error('unexpected step');
      return finish({ consent: { grantId: await grantFor(provider, details) } });
    },
  };
}
