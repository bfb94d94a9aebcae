"""Drives pieces_os_client 5.x, by the module paths that it wants. See README.md."""

import json
import sys

from pieces_os_client.api.external_provider_api import ExternalProviderApi
from pieces_os_client.api_client import ApiClient
from pieces_os_client.configuration import Configuration
from pieces_os_client.exceptions import ApiException
from pieces_os_client.models.precreated_external_provider_api_key import (
    PrecreatedExternalProviderApiKey,
)
from pieces_os_client.models.predeleted_external_provider_api_key import (
    PredeletedExternalProviderApiKey,
)
from pieces_os_client.models.preupdated_external_provider_api_key import (
    PreupdatedExternalProviderApiKey,
)

configuration = Configuration(host=sys.argv[1])
if len(sys.argv) > 2:
    configuration.api_key["application"] = sys.argv[2]

with ApiClient(configuration) as client:
    api = ExternalProviderApi(client)
    operations = {
        "create": (api.external_provider_api_key_create, PrecreatedExternalProviderApiKey),
        "update": (api.external_provider_api_key_update, PreupdatedExternalProviderApiKey),
        "delete": (api.external_provider_api_key_delete, PredeletedExternalProviderApiKey),
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
