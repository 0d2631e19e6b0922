// Loaded into the server by start.mjs: if that is killed without a chance to pass the news on, the server drains rather than
// living on unseen and holding the port. The channel to the parent closes when either of the two ends.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
