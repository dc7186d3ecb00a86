/** The page on which the OpenAPI document is read, as an app of its own: its packages are loaded when somebody first asks for it. */
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify, { type FastifyInstance } from "fastify";

/** @param document the OpenAPI document's text. */
export async function docsPage(document: () => string): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(helmet, {
    contentSecurityPolicy: { directives: pageDirectives },
    strictTransportSecurity: false,
    // Browsers ignore it on plain HTTP, and complain.
    crossOriginOpenerPolicy: false,
  });
  await app.register(swagger, { mode: "static", specification: { document: placeholder as never } });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: false,
    uiConfig: { url: "/openapi.json", deepLinking: true },
    transformSpecification: () => JSON.parse(document()) as never,
  });
  return app;
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
