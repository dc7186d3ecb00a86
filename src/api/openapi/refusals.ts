/** How refusals stand in the document: by status, each with the codes that it may bear. */
import type { VantageErrorCode } from "../../queries/vantage.ts";
import { type ProblemCode, problemTypes, usualDetail } from "../problem-codes.ts";
import { problemMediaType, problemTypeUri } from "../problem.ts";

export const problemSchema = {
  type: "object",
  description: "Problem details, RFC 9457. `code` is stable; the texts are for people.",
  properties: {
    type: { type: "string", description: "A URI that names the kind of problem: `urn:troth:problem:` and the code." },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", description: "What to match on." },
    detail: { type: "string" },
    instance: { type: "string", description: "Names this request, as its line in the log does." },
    errors: {
      type: "array",
      items: {
        type: "object",
        properties: {
          in: { type: "string", enum: ["body", "path", "query", "header"] },
          field: { type: "string", description: "A JSON pointer into that part, or the name of a header." },
          reason: { type: "string" },
        },
        required: ["in", "field", "reason"],
      },
    },
  },
  required: ["type", "title", "status", "code", "detail"],
};

function described(code: ProblemCode): string {
  const { title, detail } = problemTypes[code];
  return detail === undefined ? `${title}.` : `${title}. ${detail}`;
}

const exampleProblem = (code: ProblemCode, status: number) => ({
  type: problemTypeUri(code),
  title: problemTypes[code].title,
  status,
  code,
  detail: usualDetail(code),
});

const response = (codes: readonly ProblemCode[], status: number) => ({
  description: codes.map((code) => `\`${code}\`: ${described(code)}`).join(" "),
  content: {
    [problemMediaType]: {
      schema: { allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: codes } } }] },
      example: exampleProblem(codes[0]!, status),
    },
  },
});

/** Responses that bear one code alone are shared under its name. */
export const sharedResponses = (): Record<string, unknown> =>
  Object.fromEntries(Object.entries(problemTypes).map(([code, { status }]) => [code, response([code as ProblemCode], status)]));

/** @param ownResources names of the path's parameters: what they name and is not there is 404, anything else that is not there 422. */
export function refusalResponses(codes: readonly ProblemCode[], ownResources: readonly string[] = []): Record<string, unknown> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const status = statusOf(code, ownResources);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, of]) => {
        const isShared = of.length === 1 && problemTypes[of[0]!].status === status;
        return [String(status), isShared ? { $ref: `#/components/responses/${of[0]}` } : response(of, status)];
      }),
  );
}

function statusOf(code: ProblemCode, ownResources: readonly string[]): number {
  const { status } = problemTypes[code];
  const resource = /^(.+)-not-found$/.exec(code)?.[1];
  if (status !== 404 || resource === undefined || resource === "event") return status;
  return ownResources.includes(resource) ? 404 : 422;
}

const everywhere: ProblemCode[] = [
  "malformed-request",
  "header-invalid",
  "unauthorized",
  "scope-missing",
  "validation-failed",
  "rate-limited",
  "internal",
  "store-unavailable",
  "vault-unavailable",
  "overloaded",
  "shutting-down",
];

export const commandRefusals = (own: readonly ProblemCode[]): ProblemCode[] => [
  ...own,
  ...everywhere,
  "malformed-json",
  "subject-erased",
  "stale-revision",
  "request-timeout",
  "body-too-large",
  "unsupported-media-type",
  "json-too-deep",
  "idempotency-key-reused",
  "event-too-large",
  "revision-conflict",
  "clock-behind",
  "store-full",
];

/** Of `asOf` and `knownAt`. */
export const vantageRefusals: readonly VantageErrorCode[] = [
  "in-the-future",
  "before-ledger",
  "beyond-log",
  "as-of-after-known-at",
];

export const queryRefusals = (own: readonly ProblemCode[], isPaged: boolean): ProblemCode[] => [
  ...own,
  ...everywhere,
  "key-bound",
  "views-behind",
  ...(isPaged ? (["cursor-invalid"] as const) : []),
];
