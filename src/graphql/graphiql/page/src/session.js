// Who is signed in. Tokens live in the memory of this page alone: never in a URL, a cookie or the browser's storage.
import { post } from './post.js';

/** An access token is renewed when it has less than this to live. */
const MARGIN_MS = 30_000;

const NOBODY = null;
const listeners = new Set();
let current = NOBODY;
let renewing;

/** Calls `listener` whenever somebody else is signed in; answers how to stop that. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The name of who is signed in, or null. */
export function person() {
  return current?.name ?? null;
}

/** What a request or a socket says about who asks. */
export async function credentials() {
  if (current?.refreshToken && current.expiresAt - Date.now() < MARGIN_MS) {
    await (renewing ??= renew().finally(() => (renewing = undefined)));
  }
  return headers(current?.token);
}

/** Signs in with a password; throws what is wrong. */
export async function signIn(email, password) {
  const login = `mutation Login($input: LoginInput!) { login(input: $input) { ${SESSION} } }`;
  become(opened((await ask(login, { input: { email, password } })).login));
}

/** Acts by a token that somebody pasted; throws when it is good for nothing. */
export async function useToken(token) {
  const { viewer } = await ask('query Who { viewer { actor { displayName } } }', {}, token);
  become({ token, name: viewer.actor.displayName });
}

/** Ends the session, here and on the server; a pasted token stays good. */
export async function signOut() {
  const { token, refreshToken } = current;
  become(NOBODY);
  if (refreshToken) await ask('mutation Logout { logout { userErrors { message } } }', {}, token);
}

const SESSION = 'accessToken refreshToken expiresAt user { displayName } userErrors { message }';

async function renew() {
  const refresh = `mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { ${SESSION} } }`;
  const old = current;
  try {
    const renewed = opened((await ask(refresh, { input: { refreshToken: old.refreshToken } })).refreshSession);
    if (current === old) current = renewed;
  } catch (error) {
    if (current === old) become(NOBODY);
    throw error;
  }
}

function opened({ accessToken, refreshToken, expiresAt, user, userErrors }) {
  if (userErrors.length > 0) throw new Error(userErrors[0].message);
  return { token: accessToken, refreshToken, expiresAt: Date.parse(expiresAt), name: user.displayName };
}

function become(next) {
  current = next;
  listeners.forEach((listener) => listener());
}

async function ask(query, variables, token) {
  const { data, errors } = await post({ query, variables }, headers(token));
  if (errors) throw new Error(errors[0].message);
  return data;
}

function headers(token) {
  return token ? { authorization: `Bearer ${token}` } : {};
}
