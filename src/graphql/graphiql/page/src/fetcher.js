// What GraphiQL asks the server through: queries and mutations by HTTP, subscriptions by WebSocket.
import { getOperationAST } from 'graphql';
import { createClient } from 'graphql-ws';
import { ENDPOINT, post } from './post.js';
import { credentials } from './session.js';

/** A fetcher for who is signed in now. */
export function makeFetcher() {
  const socket = createClient({
    url: ENDPOINT.href.replace(/^http/, 'ws'),
    connectionParams: credentials,
    // A stream that is cut ends visibly, rather than beginning again from its first row.
    retryAttempts: 0,
  });
  return (operation, { documentAST } = {}) =>
    isSubscription(documentAST, operation.operationName) ? watch(socket, operation) : ask(operation);
}

async function ask(operation) {
  return post(operation, await credentials());
}

function watch(socket, operation) {
  return { subscribe: (sink) => ({ unsubscribe: socket.subscribe(operation, { ...sink, error: told(sink) }) }) };
}

/** Passes errors on; of a closed socket, its reason. */
function told(sink) {
  return (error) => sink.error(error instanceof CloseEvent ? new Error(`${error.code} ${error.reason}`.trim()) : error);
}

function isSubscription(document, name) {
  return Boolean(document) && getOperationAST(document, name)?.operation === 'subscription';
}
