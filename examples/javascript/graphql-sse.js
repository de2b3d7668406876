// Asks every host, and prints each answer once, also when the connection is lost: node graphql-sse.js 'SQL'
import { createClient } from 'graphql-sse';

const server = process.env.MUSTER_SERVER ?? 'http://localhost:8080';
const client = createClient({
  url: `${server}/graphql`,
  headers: { authorization: `Bearer ${process.env.MUSTER_TOKEN}` },
  retryAttempts: Infinity, // also when the server is away for a while
});

const input = { source: { sql: process.argv[2] }, targets: { allHosts: true } };
const id = await start(input);
const variables = { id, after: null };
client.subscribe(
  {
    query: `subscription ($id: ID!, $after: String) {
      campaignEvents(campaignId: $id, after: $after) {
        endCursor
        events { ... on CampaignHostRows { hostname rows } ... on CampaignHostError { hostname message } }
      }
    }`,
    variables,
  },
  {
    next({ data }) {
      const { events, endCursor } = data.campaignEvents;
      events.filter((event) => event.hostname).forEach((event) => console.log(JSON.stringify(event)));
      variables.after = endCursor; // what the client asks with when it has to connect again
    },
    error: (problem) => console.error(problem),
    complete: () => client.dispose(),
  },
);

async function start(input) {
  const query = `mutation ($input: StartCampaignInput!) {
    startCampaign(input: $input) { campaign { id } userErrors { message } }
  }`;
  for await (const { data, errors } of client.iterate({ query, variables: { input } })) {
    const problem = errors?.[0] ?? data.startCampaign.userErrors[0];
    if (problem) throw new Error(problem.message);
    return data.startCampaign.campaign.id;
  }
}
