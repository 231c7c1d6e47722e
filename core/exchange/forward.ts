/** The two rewrites of a head on its way: request to the upstream, response to the client. */

import { DIGIT_0 } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import { UNIX_CLIENT } from "../http/address-block.ts";
import { isForwarded } from "../http/client-address.ts";
import type { Fields } from "../http/fields.ts";
import { dropHopByHopOfRequest, dropHopByHopOfResponse } from "../http/hop.ts";
import * as known from "../http/known-fields.ts";
import { BODY_CHUNKED, BODY_NONE, METHOD_HEAD, type RequestHead, type ResponseHead } from "../http/message.ts";
import { FieldBlock, FieldLine, OutgoingHead } from "../http/outgoing.ts";
import { hasNoBody } from "../http/status.ts";
import { VIA_MAX } from "../limits.ts";
import type { CompiledFieldEdits } from "../route/field-edits.ts";
import { type Edits, NO_EDITS } from "../script/check-edits.ts";
import { RequestChanges } from "./request-changes.ts";
import type { RequestView } from "./request-view.ts";

/** How this proxy is called in Via (RFC 9110 section 7.6.3). */
const PSEUDONYM = "millrace";

const VIA_1_1 = new FieldLine("Via", `1.1 ${PSEUDONYM}`);
const VIA_1_0 = new FieldLine("Via", `1.0 ${PSEUDONYM}`);
/** As a block, because the first line that is added to a head costs it an array of places. */
const VIA_1_1_ALONE = new FieldBlock([VIA_1_1]);
const VIA_1_0_ALONE = new FieldBlock([VIA_1_0]);
const TE_TRAILERS = [new FieldLine("TE", "trailers"), new FieldLine("Connection", "TE")];
const UPGRADE_CONNECTION = new FieldLine("Connection", "Upgrade");

/** The head for the upstream. `target` is null when the client's goes on byte for byte; `ofAttempt` is for this try only. */
export function forwardRequest(request: RequestView, target: string | null, ofAttempt: Edits): OutgoingHead {
  const { head, deployment, client } = request;
  const { forwarding } = deployment.snapshot;
  const { fields } = head;
  const outgoing = new OutgoingHead();
  const isTrusted = deployment.trusted.trusts(client.address);
  dropHopByHopOfRequest(fields, isTrusted);
  outgoing.fields = fields;
  outgoing.target = target;
  const isOurLine = target === null && head.minorVersion === 1 && head.pathStart === head.targetStart;
  if (isOurLine) keepLine(outgoing, head.methodStart, head.targetEnd + " HTTP/1.1".length);
  frameLikeIncoming(outgoing, fields, head.body, head.bodyLength);
  addHost(request, outgoing);
  const via = forwarding.via ? (head.minorVersion === 1 ? VIA_1_1 : VIA_1_0) : null;
  if (!isTrusted && !forwarding.forwarded && outgoing.lines.length === 0) {
    // What nearly every request gets: one run of bytes that the connection keeps.
    outgoing.block = client.forwardedBlock(fields.bytes, head.hostStart, head.hostEnd, via);
  } else {
    addForwardedLines(request, outgoing, isTrusted);
    if (via !== null) outgoing.lines.push(via);
  }
  if (head.upgrade !== "" && request.allowsUpgrade) {
    outgoing.lines.push(UPGRADE_CONNECTION, new FieldLine("Upgrade", head.upgrade));
  } else if (head.acceptsTrailers) {
    outgoing.lines.push(...TE_TRAILERS);
  }
  // The route's own stand between what was asked for before there was one and what was decided behind it.
  if (request.changes !== null) applyChanges(request.changes.edits, outgoing);
  applyEdits(request, outgoing, request.route!.requestEdits);
  if (ofAttempt !== NO_EDITS) request.changes ??= new RequestChanges();
  if (request.changes !== null) applyDecided(request.changes, outgoing, ofAttempt);
  return outgoing;
}

/** The head for the client. */
export function forwardResponse(request: RequestView, head: ResponseHead): OutgoingHead {
  const { fields } = head;
  const outgoing = new OutgoingHead();
  outgoing.fields = fields;
  outgoing.status = head.status;
  keepLine(outgoing, head.lineStart, head.reasonEnd);
  dropHopByHopOfResponse(fields);
  if (head.status === 101) {
    outgoing.lines.push(UPGRADE_CONNECTION, new FieldLine("Upgrade", fields.value("upgrade") ?? request.head.upgrade));
  } else {
    frameResponseForClient(request, outgoing, head);
  }
  if (fields.countOf(known.DATE) === 0) outgoing.add("Date", request.engine.date.text);
  const { via } = request.deployment.snapshot.forwarding;
  if (via) outgoing.block = head.minorVersion === 1 ? VIA_1_1_ALONE : VIA_1_0_ALONE;
  applyEdits(request, outgoing, request.route!.responseEdits);
  return outgoing;
}

/** 1xx: only what it says end to end, without our additions. */
export function forwardInterim(head: ResponseHead): OutgoingHead {
  const { fields } = head;
  const outgoing = new OutgoingHead();
  dropHopByHopOfResponse(fields);
  // Servers must not send one, not even of 0, and neither must we (RFC 9110 section 8.6).
  if (fields.countOf(known.CONTENT_LENGTH) > 0) fields.drop(fields.find(known.CONTENT_LENGTH));
  outgoing.fields = fields;
  outgoing.status = head.status;
  keepLine(outgoing, head.lineStart, head.reasonEnd);
  return outgoing;
}

/** Whether the request has passed here so often that it goes in circles (row H11). */
export function isLooping(head: RequestHead): boolean {
  if (head.fields.countOf(known.VIA) === 0) return false;
  const via = head.fields.value("via") ?? "";
  return via.split(PSEUDONYM).length > VIA_MAX;
}

function keepLine(outgoing: OutgoingHead, start: number, end: number): void {
  if (start === -1) return;
  outgoing.lineStart = start;
  outgoing.lineEnd = end + "\r\n".length;
}

/** A plain Content-Length stays where it stands; any other spelling, or none, is written anew. */
function frameLikeIncoming(outgoing: OutgoingHead, fields: Fields, body: number, length: number): void {
  outgoing.body = body;
  if (fields.countOf(known.CONTENT_LENGTH) === 0) return;
  const index = fields.find(known.CONTENT_LENGTH);
  const isPlain =
    fields.bytes[fields.valueStart(index)] !== DIGIT_0 || fields.valueEnd(index) - fields.valueStart(index) === 1;
  if (isPlain) return;
  fields.drop(index);
  outgoing.contentLength = length;
}

function frameResponseForClient(request: RequestView, outgoing: OutgoingHead, head: ResponseHead): void {
  const { fields } = head;
  frameLikeIncoming(outgoing, fields, head.body, head.bodyLength);
  const isToHead = request.head.method === METHOD_HEAD;
  if (head.status === 204 || head.status === 205) {
    // Neither has content (RFC 9110 sections 15.3.5 and 15.3.6); what comes all the same goes no further.
    if (fields.countOf(known.CONTENT_LENGTH) > 0) fields.drop(fields.find(known.CONTENT_LENGTH));
    outgoing.body = BODY_NONE;
    outgoing.contentLength = head.status === 205 ? 0 : -1;
  } else if (head.body === BODY_NONE && !hasNoBody(head.status) && !isToHead) {
    if (fields.countOf(known.CONTENT_LENGTH) === 0) outgoing.contentLength = 0;
  }
  if (outgoing.body === BODY_CHUNKED && request.head.acceptsTrailers) {
    const value = fields.value("trailer");
    if (value !== null) outgoing.add("Trailer", value);
  }
}

function addHost(request: RequestView, outgoing: OutgoingHead): void {
  const { head, route } = request;
  const { fields } = head;
  const { changes } = request;
  const decided = changes?.sentHost ?? null;
  const ofRoute = decided ?? (route!.host === null ? "" : route!.host.expand(request, request.match!));
  const host = ofRoute !== "" || changes === null ? ofRoute : (changes.host ?? "");
  if (host !== "") {
    if (fields.countOf(known.HOST) > 0) fields.drop(fields.find(known.HOST));
    outgoing.lines.unshift(new FieldLine("Host", host));
  } else if (fields.countOf(known.HOST) === 0) {
    // HTTP/1.0 may leave it out; HTTP/1.1 must not (RFC 9112 section 3.2).
    const authority = latin1(fields.bytes, head.hostStart, head.hostEnd);
    outgoing.lines.unshift(new FieldLine("Host", authority === "" ? hostOf(request.server) : authority));
  }
}

/**
 * What a server answers to that is only known by its label. A path of a UNIX socket is no host; the address found for
 * a name (`app.internal:9002/10.0.0.7`) does not belong to it.
 */
function hostOf(server: string): string {
  if (server.startsWith("unix:")) return "localhost";
  const slash = server.indexOf("/");
  return slash === -1 ? server : server.slice(0, slash);
}

function addForwardedLines(request: RequestView, outgoing: OutgoingHead, isTrusted: boolean): void {
  const { head, client } = request;
  const { fields } = head;
  if (isTrusted) addForwardedBehindProxy(request, outgoing);
  else outgoing.lines.push(client.forwardedFor, client.forwardedProto, client.realIp);
  if (head.hostEnd > head.hostStart && (!isTrusted || fields.countOf(known.X_FORWARDED_HOST) === 0))
    outgoing.lines.push(client.forwardedHost(fields.bytes, head.hostStart, head.hostEnd));
  if (request.deployment.snapshot.forwarding.forwarded) addForwarded(request, outgoing);
  else if (isTrusted) fields.dropNamed("forwarded"); // without us in it, it would contradict X-Forwarded-For
}

/** A trusted proxy has said who the client is: its fields stay, and we add ourselves. */
function addForwardedBehindProxy(request: RequestView, outgoing: OutgoingHead): void {
  const { client, head } = request;
  const { fields } = head;
  const hops = fields.value("x-forwarded-for");
  if (hops === null) {
    outgoing.lines.push(client.forwardedFor);
  } else {
    fields.dropNamed("x-forwarded-for");
    outgoing.add("X-Forwarded-For", `${hops}, ${client.address}`);
  }
  if (fields.countOf(known.X_FORWARDED_PROTO) === 0) outgoing.lines.push(client.forwardedProto);
  fields.dropNamed("x-real-ip");
  outgoing.add("X-Real-IP", request.clientAddress);
}

/** RFC 7239 section 4: IPv6 addresses and anything with a port in quotes. */
function addForwarded(request: RequestView, outgoing: OutgoingHead): void {
  const { client, head } = request;
  const { fields } = head;
  const quoted = (text: string) => (/^[\w.-]+$/.test(text) ? text : `"${text}"`);
  const node = client.address.includes(":")
    ? `"[${client.address}]"`
    : client.address === UNIX_CLIENT
      ? "unknown"
      : client.address;
  const host = latin1(fields.bytes, head.hostStart, head.hostEnd);
  const element = `for=${node};proto=${client.scheme}${host === "" ? "" : `;host=${quoted(host)}`}`;
  const incoming = request.deployment.trusted.trusts(client.address) ? forwardedBefore(fields) : null;
  fields.dropNamed("forwarded");
  outgoing.add("Forwarded", incoming === null ? element : `${incoming}, ${element}`);
}

/** What the proxies before us wrote; null when a line of it is malformed, so that nothing of it can be told. */
function forwardedBefore(fields: Fields): string | null {
  for (let index = 0; index < fields.count; index++) {
    if (fields.isNamed(index, "forwarded") && !isForwarded(fields.valueText(index))) return null;
  }
  return fields.value("forwarded");
}

/** What the route says of fields. */
export function applyEdits(request: RequestView, outgoing: OutgoingHead, edits: CompiledFieldEdits): void {
  if (edits.isEmpty) return;
  outgoing.unfoldBlock();
  for (const name of edits.remove) drop(outgoing, name);
  for (const { lowerName } of edits.set) drop(outgoing, lowerName);
  for (const edit of edits.set) addEdit(request, outgoing, edit);
  for (const edit of edits.add) addEdit(request, outgoing, edit);
}

/** What `decide` and `onAttempt` have asked for comes last: they have seen the most. */
function applyDecided(changes: RequestChanges, outgoing: OutgoingHead, ofAttempt: Edits): void {
  if (outgoing.fields !== null) changes.dropForAttempt(ofAttempt.drop, outgoing.fields);
  applyChanges([...changes.decidedEdits, ofAttempt], outgoing);
}

function applyChanges(changes: readonly Edits[], outgoing: OutgoingHead): void {
  outgoing.unfoldBlock();
  for (const each of changes) {
    for (const name of each.drop) drop(outgoing, name);
    for (const [name, value] of each.add) outgoing.add(name, value);
  }
}

/** What a hook has asked for on the way to the client. */
export function applyResponseChange(
  { status, edits }: { readonly status: number; readonly edits: Edits },
  outgoing: OutgoingHead,
): void {
  if (status !== 0 && status !== outgoing.status) {
    outgoing.status = status;
    outgoing.lineStart = -1;
  }
  if (edits.drop.length + edits.add.length > 0) applyChanges([edits], outgoing);
}

function drop(outgoing: OutgoingHead, name: string): void {
  outgoing.fields?.dropNamed(name);
  const kept = outgoing.lines.filter((line) => line.name.toLowerCase() !== name);
  outgoing.lines.splice(0, outgoing.lines.length, ...kept);
}

function addEdit(request: RequestView, outgoing: OutgoingHead, edit: CompiledFieldEdits["set"][number]): void {
  const value = edit.value.expand(request, request.match!);
  if (value !== "") outgoing.add(edit.name, value);
}
