/** A route ready for use: what it does, with its templates compiled. */

import { type CompiledFieldEdits, compileFieldEdits } from "./field-edits.ts";
import type { CompiledPath } from "./paths.ts";
import type { Report } from "./predicates.ts";
import { compileRewrite, type Rewrite } from "./rewrite.ts";
import type { RouteAction, RouteDefinition } from "./route.ts";
import { type Captured, compileTemplate, type Template, type TemplatePlace, type TemplateScope } from "./variables.ts";

export interface Route {
  readonly id: string;
  readonly definition: RouteDefinition;
  readonly action: RouteAction;
  /** `""` for a redirect or a fixed response. */
  readonly upstreamName: string;
  /** The target to send upstream, or null when what comes out may not be sent (400). Null: as received. */
  readonly rewritePath: Rewrite | null;
  /** Host to send upstream; null passes the client's. */
  readonly host: Template | null;
  /** `Location` of a redirect. */
  readonly location: Template | null;
  readonly requestEdits: CompiledFieldEdits;
  readonly responseEdits: CompiledFieldEdits;
  readonly upgrade: boolean;
  /** Whether any template asks for what the path captured. */
  readonly usesCaptures: boolean;
}

export interface RouteMatch extends Captured {
  readonly route: Route;
}

/** `paths` are the conditions the request may have met, for checking what templates ask of them. */
export function compileRoute(definition: RouteDefinition, paths: readonly CompiledPath[], report: Report): Route {
  const { action, id } = definition;
  const upstreamName = action.kind === "upstream" ? action.upstream : "";
  const captures = paths.map((path) => path.names);
  const templates: Template[] = [];
  const scopeOf = (place: TemplatePlace): TemplateScope => ({ place, routeId: id, upstreamName, captures });
  const compile = (text: string, place: TemplatePlace, at: readonly (string | number)[]): Template | null => {
    const compiled = compileTemplate(text, scopeOf(place));
    if ("problem" in compiled) report(at, compiled.problem);
    else templates.push(compiled.template);
    return "problem" in compiled ? null : compiled.template;
  };
  const rewrite = definition.rewrite === null ? null : compileRewrite(definition.rewrite, scopeOf("target"));
  if (rewrite !== null && "problem" in rewrite) report(["rewrite", rewrite.key], rewrite.problem);
  const rewritePath = rewrite === null || "problem" in rewrite ? null : rewrite.rewrite;
  if (rewrite !== null && "template" in rewrite && rewrite.template !== null) templates.push(rewrite.template);
  const edits = (place: "requestFields" | "responseFields") =>
    compileFieldEdits(
      definition[place],
      (text, at) => compile(text, "field", [place, ...at]),
      (at, message) => report([place, ...at], message),
    );
  return Object.freeze({
    id,
    definition,
    action,
    upstreamName,
    rewritePath,
    host: definition.host === null ? null : compile(definition.host, "host", ["host"]),
    location: action.kind === "redirect" ? compile(action.to, "location", ["action", "to"]) : null,
    requestEdits: edits("requestFields"),
    responseEdits: edits("responseFields"),
    upgrade: definition.upgrade,
    usesCaptures: definition.isHooked || templates.some((template) => template.usesCaptures),
  });
}

/** What the names of a route's functions begin with: `routes.api`, or `routes[3]` of one that has no id. */
export function placeOfCode(routeId: string): string {
  return routeId.startsWith("routes[") ? routeId : `routes.${routeId}`;
}
