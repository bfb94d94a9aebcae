"""Drives the client that openapi-python-client made: create, reveal, change, list by cursor, delete, and a refusal."""

import importlib
import pkgutil
import sys

import strongroom_client
from strongroom_client import Client, models
from strongroom_client.api.credentials import (
    create_credential,
    delete_credentials,
    list_credentials,
    reveal_credential,
    update_credential,
)

for module in pkgutil.walk_packages(strongroom_client.__path__, "strongroom_client."):
    importlib.import_module(module.name)

url, org, key = sys.argv[1:]
client = Client(base_url=url, headers={"SlashID-API-Key": key})


def create(number):
    body = models.NewCredential(
        extcred_provider=models.Provider.GENERIC,
        extcred_type=models.CredentialType.API_KEY,
        extcred_label="generated",
        json_blob=models.NewCredentialJsonBlob.from_dict({"api_key": f"k{number}", "more": {"deep": [1]}}),
    )
    answer = create_credential.sync(client=client, body=body, slash_id_org_id=org)
    assert isinstance(answer, models.CreatedCredential), answer
    return answer.result[0]


ids = [create(number) for number in range(3)]
revealed = reveal_credential.sync(ids[0], client=client, slash_id_org_id=org).result
assert revealed.json_blob.to_dict() == {"api_key": "k0", "more": {"deep": [1]}}, revealed
change = models.CredentialChange.from_dict({**revealed.to_dict(), "extcred_label": "changed"})
changed = update_credential.sync_detailed(ids[0], client=client, body=change, slash_id_org_id=org)
assert changed.status_code == 204, changed
listed, cursor = [], ""
while True:
    page = list_credentials.sync(client=client, slash_id_org_id=org, limit=2, cursor=cursor)
    listed += [(one.external_cred_id, one.extcred_label) for one in page.result]
    cursor = page.meta.cursor_pagination.cursor
    if not cursor:
        break
assert listed == [(ids[0], "changed"), (ids[1], "generated"), (ids[2], "generated")], listed
deleted = delete_credentials.sync_detailed(client=client, slash_id_org_id=org, delete_all=True)
assert deleted.status_code == 204, deleted
gone = reveal_credential.sync(ids[0], client=client, slash_id_org_id=org)
assert isinstance(gone, models.Failure) and gone.errors[0].code == "not_found", gone
