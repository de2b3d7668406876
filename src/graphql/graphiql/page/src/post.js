/** Where the API is: the address of this page. */
export const ENDPOINT = new URL(location.pathname, location.href);

/** Sends one operation; answers what GraphQL says, also when it refuses. */
export async function post(operation, headers) {
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
    credentials: 'same-origin',
    redirect: 'error',
  });
  return response.json();
}
