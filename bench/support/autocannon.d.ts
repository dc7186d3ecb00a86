/** The few parts of autocannon that the load generator uses; the package brings no types. */
declare module "autocannon" {
  export type Request = { method: string; path: string; headers: Record<string, string>; body?: string };
  export type Client = { setRequests(requests: Request[]): void };
  export type Options = {
    url: string;
    connections: number;
    duration?: number;
    amount?: number;
    sampleInt?: number;
    timeout?: number;
    setupClient(client: Client): void;
  };
  export type Result = {
    "2xx": number;
    non2xx: number;
    errors: number;
    timeouts: number;
    duration: number;
    statusCodeStats: Record<string, { count: number }>;
  };
  export type Instance = PromiseLike<Result> & {
    on(event: "response", heard: (client: Client, status: number, bytes: number, responseMs: number) => void): void;
  };
  export default function autocannon(options: Options): Instance;
}
