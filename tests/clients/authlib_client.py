"""Drives Authlib's OAuth 2.0 session. See README.md."""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session

url, org, client_id, client_secret = sys.argv[1:]
session = OAuth2Session(client_id, client_secret, scope="credentials:list")
token = session.fetch_token(f"{url}/oauth2/tokens", grant_type="client_credentials")
credentials = f"{url}/organizations/config/external-credentials"
listed = session.get(credentials, headers={"SlashID-OrgID": org})
shown = session.introspect_token(f"{url}/oauth2/tokens/introspect", token=token["access_token"])
revoked = session.revoke_token(f"{url}/oauth2/tokens/revoke", token=token["access_token"])
print(json.dumps({
    "token_type": token["token_type"],
    "scope": token["scope"],
    "listed": listed.status_code,
    "active": shown.json()["active"],
    "revoked": revoked.status_code,
}))
