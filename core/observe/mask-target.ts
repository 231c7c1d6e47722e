/** Request targets without the secrets that stand in them (M09). */

/** The target with the values of secret query parameters replaced, and what stands before an `@` of its host. */
export function maskTarget(received: string): string {
  const target = received.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?]*@/i, "$1***@");
  const start = target.indexOf("?");
  if (start < 0) return target;
  const parameters = target.slice(start + 1).split("&");
  const masked = parameters.map((parameter) => {
    const equals = parameter.indexOf("=");
    return equals > 0 && isSecret(parameter.slice(0, equals)) ? `${parameter.slice(0, equals)}=***` : parameter;
  });
  return `${target.slice(0, start)}?${masked.join("&")}`;
}

/** Query parameters whose value is not for the log. Compared in lower case, without `_` and `-`. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  "accesskey",
  "accesstoken",
  "apikey",
  "auth",
  "authorization",
  "clientsecret",
  "code",
  "idtoken",
  "jwt",
  "key",
  "passwd",
  "password",
  "pwd",
  "refreshtoken",
  "secret",
  "sessionid",
  "sig",
  "signature",
  "token",
  "xamzcredential",
  "xamzsecuritytoken",
  "xamzsignature",
  "xgoogsignature",
]);

function isSecret(name: string): boolean {
  let plain = name;
  try {
    plain = decodeURIComponent(name);
  } catch {
    // A bad escape: compared as it is.
  }
  return SECRET_PARAMETERS.has(plain.toLowerCase().replaceAll(/[_-]/g, ""));
}
