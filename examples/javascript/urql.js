// The same with urql: node urql.js 'SQL'
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const server = process.env.MUSTER_SERVER ?? 'http://localhost:8080';
const headers = { authorization: `Bearer ${process.env.MUSTER_TOKEN}` };
const socket = createClient({
  url: `${server.replace(/^http/, 'ws')}/graphql`,
  connectionParams: headers,
  webSocketImpl: WebSocket,
  shouldRetry: () => true,
});
const client = new Client({
  url: `${server}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers },
  exchanges: [fetchExchange, subscriptionExchange({ forwardSubscription })],
});

/** Subscribes, and resumes by itself: what was received moves `after`, which the socket's client asks with again. */
function forwardSubscription({ query, variables }) {
  const request = { query, variables: { ...variables } };
  const next = (sink) => (result) => {
    request.variables.after = result.data?.campaignEvents.endCursor;
    sink.next(result);
  };
  return { subscribe: (sink) => ({ unsubscribe: socket.subscribe(request, { ...sink, next: next(sink) }) }) };
}

const START = `mutation ($input: StartCampaignInput!) {
  startCampaign(input: $input) { campaign { id } userErrors { message } }
}`;
const EVENTS = `subscription ($id: ID!, $after: String) {
  campaignEvents(campaignId: $id, after: $after) {
    endCursor
    events { ... on CampaignHostRows { hostname rows } ... on CampaignHostError { hostname message } }
  }
}`;

const input = { source: { sql: process.argv[2] }, targets: { allHosts: true } };
const { data, error } = await client.mutation(START, { input }).toPromise();
const problem = error ?? data.startCampaign.userErrors[0];
if (problem) throw new Error(problem.message);

// It completes by itself after the last answer; then the socket has nothing to do any more, and closes.
client.subscription(EVENTS, { id: data.startCampaign.campaign.id }).subscribe((result) => {
  if (result.error) throw result.error;
  if (!result.hasNext) return; // the end: urql tells the last result once more
  const { events } = result.data.campaignEvents;
  events.filter((event) => event.hostname).forEach(({ __typename, ...event }) => console.log(JSON.stringify(event)));
});
