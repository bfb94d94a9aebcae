"""Drives the SDKs of OpenAI, Stripe and Shopify through a relay, each with nothing but its base URL and key changed.
See README.md."""

import json
import sys

import openai
import requests
import shopify
import stripe

bases = json.loads(sys.argv[1])
key = sys.argv[2]


def chat():
    client = openai.OpenAI(base_url=bases["openai"] + "/v1", api_key=key, max_retries=0)
    question = [{"role": "user", "content": "How are you?"}]
    answer = client.chat.completions.create(model="m", messages=question)
    stream = client.chat.completions.create(model="m", messages=question, stream=True)
    parts = [chunk.choices[0].delta.content or "" for chunk in stream]
    return {"answer": answer.choices[0].message.content, "parts": parts}


def customer():
    client = stripe.StripeClient(key, base_addresses={"api": bases["stripe"]}, max_network_retries=0)
    made = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "once"})
    try:
        client.v1.customers.retrieve("missing")
    except stripe.InvalidRequestError as error:
        return {"id": made.id, "missing": [error.http_status, error.code]}


def shop():
    scheme, rest = bases["shopify"].split("://")
    shopify.ShopifyResource.set_site(f"{scheme}://relay:{key}@{rest}/admin/api/2026-07")
    return {"name": shopify.Shop.current().name}


def agent():
    """The handler of an agent's tool, as in docs/relay.md, with the call that a model makes."""

    def stripe_api(method, path, body=None):
        headers = {"Authorization": f"Bearer {key}"}
        answer = requests.request(method, bases["stripe"] + path, data=body, headers=headers, allow_redirects=False)
        return {"status": answer.status_code, "body": answer.text}

    call = {"name": "stripe_api", "input": {"method": "POST", "path": "/v1/customers", "body": "name=Ada"}}
    return {"status": stripe_api(**call["input"])["status"]}


for name, drive in [("openai", chat), ("stripe", customer), ("shopify", shop), ("stripe", agent)]:
    if name in bases:
        print(json.dumps({name: drive()}), flush=True)
