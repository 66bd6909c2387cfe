// A certified OAuth 2.0 server (oidc-provider) with plain pages and a small API behind it, for tests.
// `node oauth.mjs HOST PORT`; any e-mail signs in, with the password `right`.
// /test/*: what a test turns on it that no real provider has a button for.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [host, port] = process.argv.slice(2);
const issuer = `http://${host}:${port}`;
const settings = { access_token_s: 3600, refresh_token_s: 86400 };
const calls = {};
let faults = [];

const provider = new Provider(issuer, {
  scopes: ['openid', 'offline_access', 'reports.read', 'reports.write'],
  claims: { openid: ['sub', 'email'] },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: () => settings.access_token_s,
    RefreshToken: () => settings.refresh_token_s,
    AuthorizationCode: 60, Grant: 864000, Interaction: 3600, Session: 864000, IdToken: 3600,
  },
  cookies: { keys: ['only for tests'] },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: id }) }),
  renderError: (ctx, out) => { ctx.type = 'html'; ctx.body = page('Something is wrong', `<p id="error">${text(out.error)}: ${text(out.error_description)}</p>`); },
});
provider.on('server_error', (_ctx, error) => console.error(error));
provider.on('grant.error', (_ctx, error) => console.error(error.message, error.error_detail));

const text = (value) => String(value ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

async function body(request) {
  let raw = '';
  for await (const piece of request) raw += piece;
  return request.headers['content-type']?.includes('json') ? JSON.parse(raw || '{}') : new URLSearchParams(raw);
}

function html(response, title, content, status = 200) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(page(title, content));
}

function json(response, value, status = 200, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

async function finish(request, response, result) {
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

function loginForm(uid, problem = '') {
  return `${problem && `<p role="alert">${problem}</p>`}<form method="post" action="/interaction/${uid}/login">
<p><label>E-mail <input name="email" type="email" required></label></p><p><label>Password <input name="password" type="password"></label></p>
<button name="do" value="login">Sign in</button></form><form method="post" action="/interaction/${uid}/deny"><button name="do" value="deny">Cancel</button></form>`;
}

function consentForm(uid, client, scopes) {
  const boxes = scopes.map((scope) => `<p><label><input type="checkbox" name="scope" value="${text(scope)}" checked> ${text(scope)}</label></p>`).join('');
  return `<p>${text(client)} asks for:</p><form method="post" action="/interaction/${uid}/allow">${boxes}<button name="do" value="allow">Allow</button></form>
<form method="post" action="/interaction/${uid}/deny"><button name="do" value="deny">Deny</button></form>`;
}

async function allow(details, ticked) {
  const { prompt, params, session } = details;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const wanted = prompt.details.missingOIDCScope ?? String(params.scope ?? '').split(' ');
  for (const scope of wanted) {
    if (ticked.includes(scope)) grant.addOIDCScope(scope);
    else grant.rejectOIDCScope(scope);
  }
  return { consent: { grantId: await grant.save() } };
}

async function interaction(request, response, [uid, verb]) {
  const details = await provider.interactionDetails(request, response);
  if (!verb) {
    if (details.prompt.name === 'login') return html(response, 'Sign in', loginForm(uid));
    const scopes = details.prompt.details.missingOIDCScope ?? String(details.params.scope ?? '').split(' ').filter(Boolean);
    return html(response, 'Allow access?', consentForm(uid, details.params.client_id, scopes));
  }
  const form = await body(request);
  if (verb === 'deny') return finish(request, response, { error: 'access_denied', error_description: 'The person said no' });
  if (verb === 'login') {
    if (form.get('password') !== 'right') return html(response, 'Sign in', loginForm(uid, 'Wrong password.'), 422);
    return finish(request, response, { login: { accountId: form.get('email') } });
  }
  return finish(request, response, await allow(details, form.getAll('scope')));
}

async function bearer(request) {
  const [kind, token] = (request.headers.authorization ?? '').split(' ');
  return kind === 'Bearer' ? provider.AccessToken.find(token) : undefined;
}

async function api(request, response, url) {
  const token = await bearer(request);
  if (!token || token.isExpired) {
    return json(response, { error: 'invalid_token', message: 'The access token is expired, revoked or unknown' }, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  if (url.pathname === '/api/me') return json(response, { id: token.accountId, email: token.accountId, name: `Account of ${token.accountId}` });
  if (url.pathname === '/api/accounts') return json(response, { accounts: [{ id: 'north', name: 'North' }, { id: 'south', name: 'South' }] });
  if (url.pathname !== '/api/reports') return json(response, { error: 'not_found' }, 404);
  if (!token.scopes.has('reports.read')) return json(response, { error: 'insufficient_scope', message: 'reports.read is needed' }, 403);
  const account = url.searchParams.get('account') ?? 'north';
  const rows = Array.from({ length: 60 }, (_, n) => ({ day: `2026-11-${String((n % 30) + 1).padStart(2, '0')}`, account, clicks: n * 7, cost: n * 1.25, note: n % 9 ? null : '<b>bold</b>' }));
  return json(response, { data: { rows } });
}

// {settings}: lifetimes. {fault: {path, status, body, headers, times, hang}}: the next answers of a path. {end: account}: what the account's owner does on "connected apps".
async function control(request, response, verb) {
  if (request.method === 'GET') return json(response, { calls });
  const order = await body(request);
  if (verb === 'settings') Object.assign(settings, order);
  if (verb === 'fault') faults.push({ times: 1, status: 500, body: '', headers: {}, ...order });
  if (verb === 'end') for (const grant of grants[order.account] ?? []) ended.add(grant);
  return json(response, {});
}

// What the owner of an account ended on the provider's page: all grants that were given until then.
const grants = {};
const ended = new Set();
for (const kind of ['AccessToken', 'RefreshToken']) {
  const find = provider[kind].find.bind(provider[kind]);
  provider[kind].find = async (...args) => {
    const found = await find(...args);
    return found && ended.has(found.grantId) ? undefined : found;
  };
}
provider.on('access_token.saved', (token) => (grants[token.accountId] ??= new Set()).add(token.grantId));

function faulty(response, pathname) {
  const fault = faults.find((one) => one.path === pathname && one.times > 0);
  if (!fault) return false;
  fault.times -= 1;
  if (!fault.hang) response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body);
  return true;
}

const oauth = provider.callback();
createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const [room, ...rest] = url.pathname.split('/').filter(Boolean);
  try {
    if (room === 'test') return await control(request, response, rest[0]);
    calls[url.pathname] = (calls[url.pathname] ?? 0) + 1;
    if (faulty(response, url.pathname)) return;
    if (room === 'interaction') return await interaction(request, response, rest);
    if (room === 'api') return await api(request, response, url);
    oauth(request, response);
  } catch (error) {
    console.error(error);
    if (!response.headersSent) html(response, 'Something is wrong', `<p id="error">${text(error.message)}</p>`, 400);
  }
}).listen(Number(port), host, () => console.log(`listening on ${issuer}`));
