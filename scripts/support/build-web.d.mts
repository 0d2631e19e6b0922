/** Resolves with whether there is an up-to-date build of the web app. */
export function ensureWebBuilt(): Promise<boolean>;
