/** The versions of a record, asked of the server over HTTP whatever the live link is. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { historySchema, type RecordHistory } from "@tillwire/protocol/messages";
import { request, type HttpHost } from "./transports/http.ts";

/** @throws ReplicationError; UNAVAILABLE when the server can't be reached or does not answer in time */
export async function fetchHistory(
  host: HttpHost,
  server: { readonly url: string; readonly token: string },
  record: { readonly collection: string; readonly localId: string },
  before?: number,
): Promise<RecordHistory> {
  const path = `/api/records/${encodeURIComponent(record.collection)}/${encodeURIComponent(record.localId)}/history`;
  const url = new URL(path, server.url);
  if (before !== undefined) url.searchParams.set("before", String(before));
  const answer = await request(host, url.href, { authorization: `Bearer ${server.token}` }, null);
  const parsed = historySchema.safeParse(answer);
  if (!parsed.success) throw new ReplicationError("UNAVAILABLE", "the answer is no history");
  return parsed.data;
}
