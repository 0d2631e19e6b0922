/** The server's real HTTP doors without a server of HTTP: as much of fastify as they use. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { addSeedDoors } from "@tillwire/server/transports/http-seed";
import { addStatusDoor } from "@tillwire/server/transports/http-status";
import { addSyncDoors } from "@tillwire/server/transports/http-sync";
import { replicationErrorOf, sendProblem } from "@tillwire/server/transports/problem";
import { bodyFromText } from "@tillwire/server/transports/request";
import type { Device } from "@tillwire/server/auth";
import type { Node } from "@tillwire/server/node";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

export interface HttpCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface Request {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly ip: string;
  readonly device: Device | null;
}

interface DoorOptions {
  readonly bodyLimit?: number;
  /** Before the body is looked at. */
  readonly onRequest?: (request: Request) => Promise<void>;
}
type Door = (request: Request, reply: Reply) => unknown;

/** Collects what a door answers. */
class Reply {
  status = 200;
  readonly headers_ = new Map<string, string>();
  text: string | null = null;

  code(status: number): this {
    this.status = status;
    return this;
  }
  header(name: string, value: unknown): this {
    this.headers_.set(name, String(value));
    return this;
  }
  type(value: string): this {
    return this.header("content-type", value);
  }
  send(body: unknown): this {
    this.text = typeof body === "string" ? body : JSON.stringify(body);
    return this;
  }
}

export class HttpDoors {
  readonly #doors = new Map<string, DoorOptions & { readonly door: Door }>();
  #requests = 0;

  constructor(private readonly node: Node) {
    const add =
      (method: string) =>
      (path: string, ...rest: readonly [Door] | readonly [DoorOptions, Door]): void => {
        const [options, door] = rest.length === 2 ? rest : [{}, rest[0]];
        this.#doors.set(`${method} ${path}`, { ...options, door });
      };
    const app = { get: add("GET"), post: add("POST"), put: add("PUT"), delete: add("DELETE") };
    addSyncDoors(app as never, node.services);
    addStatusDoor(app as never, node.services);
    addSeedDoors(app as never, node.services, node.seed);
  }

  async handle({ method, path, headers, body }: HttpCall): Promise<HttpAnswer> {
    const reply = new Reply();
    const [pathname = "", search = ""] = path.split("?");
    const request = {
      ...{ id: `request-${(this.#requests += 1)}`, headers, ip: "simulated" },
      query: Object.fromEntries(new URLSearchParams(search)),
      body: undefined as unknown,
      device: null,
    };
    try {
      const found = this.#doors.get(`${method} ${pathname}`);
      if (!found) throw new ReplicationError("NOT_FOUND", "nothing is here");
      const { onRequest, bodyLimit = LIMITS.pushBytes } = found;
      await onRequest?.(request);
      if (body !== undefined) request.body = parsed(body, bodyLimit);
      const answer = await found.door(request, reply);
      if (answer !== reply) reply.send(answer);
    } catch (error) {
      const known = replicationErrorOf(error as Error);
      if (!known) this.node.services.log.error({ err: error }, "A request failed");
      sendProblem(request as never, reply as never, known ?? new ReplicationError("INTERNAL", "internal error"));
    }
    return { status: reply.status, headers: reply.headers_, text: reply.text ?? "" };
  }
}

function parsed(body: string, bodyLimit: number): unknown {
  if (Buffer.byteLength(body) > bodyLimit) throw new ReplicationError("TOO_LARGE", "the body is too large");
  return bodyFromText(body);
}
