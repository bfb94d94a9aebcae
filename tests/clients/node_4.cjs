// Drives @pieces.app/pieces-os-client 4.x. See README.md.
const readline = require("node:readline");
const pieces = require(process.env.PIECES_CLIENT);

const [, , basePath, apiKey] = process.argv;
const api = new pieces.ExternalProviderApi(new pieces.Configuration({ basePath, apiKey }));
const operations = {
  create: [
    (body) => api.externalProviderApiKeyCreate(body && { precreatedExternalProviderApiKey: body }),
    pieces.PrecreatedExternalProviderApiKeyFromJSON,
    pieces.CreatedExternalProviderApiKeyToJSON,
  ],
  update: [
    (body) => api.externalProviderApiKeyUpdate(body && { preupdatedExternalProviderApiKey: body }),
    pieces.PreupdatedExternalProviderApiKeyFromJSON,
    pieces.UpdatedExternalProviderApiKeyToJSON,
  ],
  delete: [
    (body) => api.externalProviderApiKeyDelete(body && { predeletedExternalProviderApiKey: body }),
    pieces.PredeletedExternalProviderApiKeyFromJSON,
    pieces.DeletedExternalProviderApiKeyToJSON,
  ],
};

async function carryOut(step) {
  const [call, toModel, toJson] = operations[step.operation];
  try {
    const answer = await call(step.body && toModel(step.body));
    return { status: 200, body: toJson(answer) };
  } catch (error) {
    if (!(error instanceof pieces.ResponseError)) throw error;
    return { status: error.response.status, body: await error.response.text() };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await carryOut(JSON.parse(line))));
  }
})();
