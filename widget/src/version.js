// Told to the server with each session, and by `ChatWidget.version`.
export const VERSION = "0.1.0";
