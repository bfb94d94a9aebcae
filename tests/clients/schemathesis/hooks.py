"""What schemathesis is told beyond the document: how to read files, and why a good-looking request is refused."""

import schemathesis

LIST = "GET /organizations/config/external-credentials"
DELETE = "DELETE /organizations/config/external-credentials"
PATCH = "PATCH /organizations/config/external-credentials/{cred_id}"
REVEAL = "GET /organizations/config/external-credentials/{cred_id}"
TOKEN = "POST /oauth2/tokens"
CLIENT = "POST /oauth2/clients"
CLIENT_CHANGE = "PATCH /oauth2/clients/{oauth_client_id}"
UPDATE = "POST /external_provider/api_key/update"

# The code and field for which a good-looking request of the control plane is refused.
CONTROL = {
    "POST /organizations/suborganizations": {("empty", "sub_org_name")},
    "PATCH /organizations": {("empty", "org_name")},
    "GET /organizations/suborganizations": {("invalid_value", "filter")},
    "DELETE /organizations/api-keys/{key_id}": {("invalid_value", "in")},
    "DELETE /organizations": {
        ("required", "confirmation_timestamp"),
        ("out_of_range", "confirmation_timestamp"),
        ("invalid_value", "confirmation_timestamp"),
    },
    "PATCH /organizations/config": {("required", "body")},
    REVEAL: {("conflict", "value_version"), ("conflict", "If-None-Match")},
}
NEW_KEY = "POST /organizations/api-keys"
NEW_KEY_FIELDS = ("name", "role", "permissions", "expires_at", "networks", "credentials")


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
            # A cursor of chance belongs to no order and filter.
            expected = reason in (("conflict", "offset"), ("invalid_value", "cursor"))
        elif label == DELETE:
            expected = reason in (("required", "credentialId"), ("conflict", "If-Match"))
        elif label == PATCH:
            stored = reason[1].startswith("json_blob.") and reason[0] in ("required", "empty", "wrong_type", "invalid_value")
            together = (("conflict", "json_blob_merge"), ("conflict", "extcred_label"), ("required", "body"))
            expected = reason[0] == "immutable" or stored or reason in together
        elif label == TOKEN:
            expected = error["code"] == "invalid_scope"
        elif label in (CLIENT, CLIENT_CHANGE):
            expected = reason in (("empty", "client_name"), ("immutable", "client_id"))
        elif label == NEW_KEY:
            expected = reason[1].split("[")[0].split(".")[0] in NEW_KEY_FIELDS
        else:
            expected = reason in CONTROL.get(label, ())
        assert expected, f"refused for {reason}"
