"""What schemathesis is told beyond the document: how to read files, and why a good-looking request is refused."""

import schemathesis

LIST = "GET /organizations/config/external-credentials"
DELETE = "DELETE /organizations/config/external-credentials"
PATCH = "PATCH /organizations/config/external-credentials/{cred_id}"
TOKEN = "POST /oauth2/tokens"
CLIENT = "POST /oauth2/clients"
CLIENT_CHANGE = "PATCH /oauth2/clients/{oauth_client_id}"
UPDATE = "POST /external_provider/api_key/update"


@schemathesis.deserializer("text/javascript", "text/css", "image/png")
def as_text(context, response):
    return response.content.decode("latin-1")


@schemathesis.check
def refused_for_a_reason(context, response, case):
    """A request that fits the document is refused only for what the document cannot say."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    label = case.operation.label
    if label == UPDATE:
        assert response.text.startswith("open_AI.api_key is required"), response.text
        return
    for error in response.json()["errors"]:
        reason = (error["code"], error.get("field", ""))
        if label == LIST:
            expected = reason == ("conflict", "offset")
        elif label == DELETE:
            expected = reason == ("required", "credentialId")
        elif label == PATCH:
            stored = reason[1].startswith("json_blob.") and reason[0] in ("required", "empty", "wrong_type", "invalid_value")
            expected = reason[0] == "immutable" or stored
        elif label == TOKEN:
            expected = error["code"] == "invalid_scope"
        elif label in (CLIENT, CLIENT_CHANGE):
            expected = reason in (("empty", "client_name"), ("immutable", "client_id"))
        else:
            expected = False
        assert expected, f"refused for {reason}"
