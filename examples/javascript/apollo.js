// The same with Apollo Client 4: node apollo.js 'SQL'
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { defer, map, retry, tap } from 'rxjs';
import WebSocket from 'ws';

const server = process.env.MUSTER_SERVER ?? 'http://localhost:8080';
const headers = { authorization: `Bearer ${process.env.MUSTER_TOKEN}` };
const socket = createClient({
  url: `${server.replace(/^http/, 'ws')}/graphql`,
  connectionParams: headers,
  webSocketImpl: WebSocket,
  retryAttempts: 0, // it would begin again; the stream below resumes
});
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: `${server}/graphql`, headers }),
  ),
});

const START = gql`
  mutation ($input: StartCampaignInput!) {
    startCampaign(input: $input) { campaign { id } userErrors { message } }
  }
`;
const EVENTS = gql`
  subscription ($id: ID!, $after: String) {
    campaignEvents(campaignId: $id, after: $after) {
      endCursor
      events { ... on CampaignHostRows { hostname rows } ... on CampaignHostError { hostname message } }
    }
  }
`;

const input = { source: { sql: process.argv[2] }, targets: { allHosts: true } };
const { campaign, userErrors } = (await client.mutate({ mutation: START, variables: { input } })).data.startCampaign;
if (userErrors.length > 0) throw new Error(userErrors[0].message);

let after = null;
defer(() => client.subscribe({ query: EVENTS, variables: { id: campaign.id, after }, fetchPolicy: 'no-cache' }))
  .pipe(
    map(({ data, error }) => {
      if (error) throw error;
      return data.campaignEvents;
    }),
    tap(({ endCursor }) => (after = endCursor)),
    retry({ count: 10, delay: 1000, resetOnSuccess: true }),
  )
  .subscribe(({ events }) => {
    events.filter((event) => event.hostname).forEach(({ __typename, ...event }) => console.log(JSON.stringify(event)));
  });
