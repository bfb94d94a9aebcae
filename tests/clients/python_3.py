"""Drives pieces_os_client 3.x, by the names at the package's root that the API's examples use. See README.md.

This version never sends configuration.api_key on these calls, so a key goes into a default header.
"""

import json
import sys

import pieces_os_client
from pieces_os_client.exceptions import ApiException

configuration = pieces_os_client.Configuration(host=sys.argv[1])

with pieces_os_client.ApiClient(configuration) as client:
    if len(sys.argv) > 2:
        client.set_default_header("X-Application-ID", sys.argv[2])
    api = pieces_os_client.ExternalProviderApi(client)
    operations = {
        "create": (
            api.external_provider_api_key_create,
            pieces_os_client.PrecreatedExternalProviderApiKey,
        ),
        "update": (
            api.external_provider_api_key_update,
            pieces_os_client.PreupdatedExternalProviderApiKey,
        ),
        "delete": (
            api.external_provider_api_key_delete,
            pieces_os_client.PredeletedExternalProviderApiKey,
        ),
    }
    for line in sys.stdin:
        step = json.loads(line)
        call, model = operations[step["operation"]]
        body = step.get("body")
        try:
            answer = call(model.from_dict(body)) if body is not None else call()
            result = {"status": 200, "body": answer.to_dict()}
        except ApiException as error:
            result = {"status": error.status, "body": error.body}
        print(json.dumps(result), flush=True)
