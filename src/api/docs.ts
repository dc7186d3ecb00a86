/** The OpenAPI document and a page to read it on, which loads nothing from anywhere else. */
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { sendJson } from "./answer.ts";
import type { ApiDeps } from "./deps.ts";
import { openApiDocument } from "./openapi/document.ts";

export async function mountDocs(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  let text: string | undefined;
  // Made when it is first asked for: it would take a good part of every start.
  const document = (): string => (text ??= JSON.stringify(openApiDocument(deps)));
  app.get("/openapi.json", (_request, reply) => sendJson(reply, document()));
  // Helmet builds its middlewares anew for each request, which JSON answers need not pay for: they carry fixed headers (app.ts).
  await app.register(async (scope) => {
    scope.addHook("onRequest", (_request, reply, done) => {
      reply.removeHeader("content-security-policy").removeHeader("cache-control");
      done();
    });
    await scope.register(helmet, {
      contentSecurityPolicy: { directives: pageDirectives },
      strictTransportSecurity: false,
      // Browsers ignore it on plain HTTP, and complain.
      crossOriginOpenerPolicy: false,
    });
    await scope.register(swagger, { mode: "static", specification: { document: placeholder as never } });
    await scope.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: false,
      uiConfig: { url: "/openapi.json", deepLinking: true },
      transformSpecification: () => JSON.parse(document()) as never,
    });
  });
}

/** The page asks for the document itself; its plugin wants one when it is set up. */
const placeholder = { openapi: "3.1.1", info: { title: "Troth", version: "0" }, paths: {} };

/** The page's styles are partly inline; its scripts are its own files. */
const pageDirectives = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  // Troth often answers on plain HTTP behind a proxy or on this machine alone.
  upgradeInsecureRequests: null,
};
