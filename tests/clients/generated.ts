// Drives openapi-fetch with the types that openapi-typescript made: create, reveal, change, list by cursor, delete,
// and a refusal.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [url, org, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { "SlashID-API-Key": key } });
const header = { "SlashID-OrgID": org };
const CREDENTIALS = "/organizations/config/external-credentials";
const CREDENTIAL = "/organizations/config/external-credentials/{cred_id}";

function check(holds: unknown, shown: unknown): asserts holds {
    if (!holds) throw new Error(JSON.stringify(shown));
}

async function create(number: number): Promise<string> {
    const body: components["schemas"]["NewCredential"] = {
        extcred_provider: "generic",
        extcred_type: "api_key",
        extcred_label: "generated",
        json_blob: { api_key: `k${number}`, more: { deep: [1] } },
    };
    const { data, error } = await client.POST(CREDENTIALS, { params: { header }, body });
    check(data, error);
    return data.result[0];
}

const ids = [await create(0), await create(1), await create(2)];
const path = { cred_id: ids[0] };
const revealed = await client.GET(CREDENTIAL, { params: { header, path } });
check(revealed.data, revealed.error);
const blob: Record<string, unknown> = revealed.data.result.json_blob;
check(blob.api_key === "k0", blob);
const body = { ...revealed.data.result, extcred_label: "changed" };
const changed = await client.PATCH(CREDENTIAL, { params: { header, path }, body });
check(changed.response.status === 204, changed.error);
const labels: string[] = [];
let cursor = "";
do {
    const page = await client.GET(CREDENTIALS, { params: { header, query: { limit: 2, cursor } } });
    check(page.data, page.error);
    labels.push(...page.data.result.map((one) => one.extcred_label));
    cursor = page.data.meta.cursor_pagination?.cursor ?? "";
} while (cursor !== "");
check(labels.join() === "changed,generated,generated", labels);
const deleted = await client.DELETE(CREDENTIALS, { params: { header, query: { deleteAll: true } } });
check(deleted.response.status === 204, deleted.error);
const gone = await client.GET(CREDENTIAL, { params: { header, path } });
check(gone.error?.errors[0].code === "not_found", gone.error);
