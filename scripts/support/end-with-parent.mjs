// Loaded into the server by start.mjs: if that is killed without a chance to pass the news on, the server drains rather than
// living on unseen and holding the port. The channel to the parent closes when either of the two ends.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();

// A terminal that was closed takes no more lines, and that must not end the server in the middle of its drain.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
