"""Asks every host, and prints each answer once, also when the connection is lost: python watch.py 'SQL'"""

import asyncio
import json
import os
import sys

from gql import Client, gql
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

SERVER = os.environ.get("MUSTER_SERVER", "http://localhost:8080")
START = gql("""mutation ($input: StartCampaignInput!) {
  startCampaign(input: $input) { campaign { id } userErrors { message } }
}""")
EVENTS = gql("""subscription ($id: ID!, $after: String) {
  campaignEvents(campaignId: $id, after: $after) {
    endCursor
    events { ... on CampaignHostRows { hostname rows } ... on CampaignHostError { hostname message } }
  }
}""")


def connect():
    url = SERVER.replace("http", "ws", 1) + "/graphql"
    credentials = {"authorization": f"Bearer {os.environ['MUSTER_TOKEN']}"}
    return Client(transport=WebsocketsTransport(url, init_payload=credentials))


async def start(sql):
    variables = {"input": {"source": {"sql": sql}, "targets": {"allHosts": True}}}
    async with connect() as session:
        payload = (await session.execute(START, variable_values=variables))["startCampaign"]
    if payload["userErrors"]:
        sys.exit(payload["userErrors"][0]["message"])
    return payload["campaign"]["id"]


async def watch(campaign):
    after = None
    while True:
        try:
            async with connect() as session:
                async for data in session.subscribe(EVENTS, variable_values={"id": campaign, "after": after}):
                    for event in data["campaignEvents"]["events"]:
                        if event:
                            print(json.dumps(event), flush=True)
                    after = data["campaignEvents"]["endCursor"]
            return
        except (OSError, TransportClosed, TransportConnectionFailed):
            await asyncio.sleep(1)


async def main(sql):
    await watch(await start(sql))


asyncio.run(main(sys.argv[1]))
