// Shows the contract as it is served, signed in as the development user.
const ui = SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  docExpansion: "list",
  validatorUrl: null,
  onComplete: async () => {
    const answer = await fetch("/local/session");
    const { data } = await answer.json();
    if (data.token) ui.preauthorizeApiKey("bearer", data.token);
  },
});
