import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiProblems } from "../../src/api/problem-codes.ts";
import { openApiDocument } from "../../src/api/openapi/document.ts";
import { commands } from "../../src/commands/registry.ts";
import { promiseStandings, standings } from "../../src/domain/assess/assess.ts";
import { settlementFlags } from "../../src/domain/assess/settle.ts";
import { verdicts } from "../../src/domain/verdict.ts";
import { queries } from "../../src/queries/registry.ts";
import { type TestApi, testApi } from "../support/api.ts";

// Specs walk the document freely.
/* eslint-disable @typescript-eslint/no-explicit-any */
const document = openApiDocument({ commands, queries, version: "0.0.0" }) as any;
const operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<any>(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe("the OpenAPI document", () => {
  it("is the one that was reviewed; UPDATE_GOLDEN=1 takes a new one", () => {
    const golden = new URL("../golden/openapi.json", import.meta.url);
    const text = `${JSON.stringify(document, null, 1)}\n`;
    if (process.env["UPDATE_GOLDEN"] === "1" || !existsSync(golden)) writeFileSync(golden, text);
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden, "utf8")));
  });

  it("holds every command and every query under its name, once", () => {
    const names = operations.map(({ operation }) => operation.operationId);
    expect(names).toEqual(expect.arrayContaining([...commands, ...queries].map(({ name }) => name)));
    expect(names).toHaveLength(new Set(names).size);
  });

  it("has no reference that leads nowhere", () => {
    for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      expect(ref).toMatch(/^#\//);
      expect(
        ref!
          .slice(2)
          .split("/")
          .reduce<any>((at, part) => at?.[part], document),
      ).toBeDefined();
    }
  });

  it("names every parameter of every path", () => {
    for (const { path, operation } of operations) {
      const named = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
      const described = (operation.parameters ?? []).filter((one: any) => one.in === "path").map(({ name }: any) => name);
      expect(described).toEqual(named);
    }
  });

  it("shows an example of every body and every answer", () => {
    for (const { operation } of operations) {
      const contents = [operation.requestBody, ...Object.values<any>(operation.responses)].flatMap((one) =>
        Object.values<any>(one?.content ?? {}),
      );
      for (const content of contents) expect(content.example).toBeDefined();
    }
  });

  it("shows examples that its own schemas take", () => {
    for (const command of commands) {
      expect(command.body.safeParse(command.example).error?.issues).toBeUndefined();
    }
    for (const query of queries) {
      const { example } =
        document.paths[`/v1${query.path.replaceAll(/:([a-z]+)/g, "{$1}")}`].get.responses["200"].content["application/json"];
      expect(query.answer.safeParse(example).error?.issues, query.name).toBeUndefined();
    }
  });

  it("documents every refusal of the API somewhere, but for those that no operation gives", () => {
    const text = JSON.stringify(document.paths) + JSON.stringify(document.components.responses);
    for (const code of Object.keys(apiProblems)) expect(text).toContain(`"${code}"`);
  });

  it("documents each refusal that a command or query lists", () => {
    for (const { operation } of operations) {
      const definition = [...commands, ...queries].find(({ name }) => name === operation.operationId);
      const text = JSON.stringify(operation.responses);
      for (const code of definition?.refusals ?? []) expect(text, operation.operationId).toContain(code);
      if (definition !== undefined)
        expect(Object.keys(operation.responses)).toEqual(
          expect.arrayContaining(["400", "401", "403", "422", "429", "500", "503"]),
        );
    }
  });
});

describe("what a client can rely on", () => {
  const text = JSON.stringify(document);
  it("lists every word of a promise's state, of an occurrence's standing, and of a flag", () => {
    for (const words of [promiseStandings, standings, verdicts, settlementFlags])
      expect(text).toContain(`"enum":${JSON.stringify(words)}`);
  });
  it("says which types of body are taken", () => {
    const refusal = (document as any).components.responses["unsupported-media-type"];
    expect(refusal.description).toContain("`Content-Type: application/json`");
    expect(refusal.description).toContain("`application/x-ndjson`");
  });
  it("says what the cursor of the event feed is", () => {
    const { parameters, responses } = (document as any).paths["/v1/events"].get;
    expect(parameters.find(({ name }: { name: string }) => name === "after").description).toContain("The cursor");
    expect(responses["200"].content["application/json"].schema.properties.next.description).toContain("`after`");
  });
});

describe("the pages of documentation", () => {
  let api: TestApi;
  beforeAll(async () => void (api = await testApi({ empty: true })));
  afterAll(() => api.close());

  it("serve the document without a key", async () => {
    const { status, json } = await api.when("GET", "/openapi.json", { key: null });
    expect([status, json]).toEqual([200, JSON.parse(JSON.stringify(document))]);
  });

  it("load nothing from elsewhere, and nothing that their policy forbids", async () => {
    const { status, headers, text } = await api.when("GET", "/docs", { key: null });
    expect(status).toBe(200);
    const policy = headers["content-security-policy"]!;
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("upgrade-insecure-requests");
    expect(text).not.toMatch(/(src|href)="https?:/);
    expect(text).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
    const assets = [...text.matchAll(/(?:src|href)="(\.?\/[^"]+)"/g)].map(
      ([, path]) => new URL(path!, "http://x/docs/").pathname,
    );
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) expect((await api.when("GET", asset, { key: null })).status, asset).toBe(200);
    const { text: script } = await api.when("GET", "/docs/static/swagger-initializer.js", { key: null });
    expect(script).toContain("/openapi.json");
  });
});
