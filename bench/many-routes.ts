/** 10,000 routes: a hundred hosts with a hundred paths each. */
export const ROUTE_HOSTS = 100;
export const ROUTE_PATHS = 100;

export function hostOfRoute(index: number): string {
  return `host${index}.bench`;
}
