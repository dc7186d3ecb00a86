/** The OpenAPI document and a page to read it on, which loads nothing from anywhere else. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendJson } from "./answer.ts";
import type { ApiDeps } from "./deps.ts";
import { ApiError } from "./problem.ts";

export function mountDocs(app: FastifyInstance, deps: ApiDeps): void {
  // Both are made when they are first asked for: they would take a good part of every start.
  let text: Promise<string> | undefined;
  let page: Promise<FastifyInstance> | undefined;
  const document = (): Promise<string> => (text ??= documentText(deps));

  app.get("/openapi.json", async (_request, reply) => sendJson(reply, await document()));
  const answer = async (request: FastifyRequest, reply: FastifyReply) =>
    forwarded(await (page ??= document().then(pageFor)), request, reply);
  app.get("/docs", answer);
  app.get("/docs/*", answer);
  app.addHook("onClose", async () => void (await (await page)?.close()));
}

async function documentText(deps: ApiDeps): Promise<string> {
  const { openApiDocument } = await import("./openapi/document.ts");
  return JSON.stringify(openApiDocument(deps));
}

async function pageFor(document: string): Promise<FastifyInstance> {
  const { docsPage } = await import("./docs-page.ts");
  return docsPage(() => document);
}

/** What concerns a connection, which the page has none of, and what it says of itself otherwise than JSON answers do (app.ts). */
const ownOfAnswers = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);
const ownOfJson = ["content-security-policy", "cache-control"];

async function forwarded(
  page: FastifyInstance,
  { method, url, headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answered = await page.inject({ method: method as "GET", url, headers });
  if (answered.statusCode === 404) throw new ApiError("not-found", "There is nothing at this URL.");
  for (const name of ownOfJson) reply.removeHeader(name);
  for (const [name, value] of Object.entries(answered.headers)) if (!ownOfAnswers.has(name)) reply.header(name, value);
  return reply.code(answered.statusCode).send(answered.rawPayload);
}
