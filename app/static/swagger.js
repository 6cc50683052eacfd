// Shows the API's document with the Swagger UI that comes with Flask-RESTX.

/** Give a change the token without which none is taken from a browser that has signed in. */
async function withToken(request) {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method?.toUpperCase() ?? 'GET')) return request;
  const answer = await fetch('/csrftoken/', { cache: 'no-store' });
  request.headers['X-CSRFToken'] = (await answer.json()).csrfToken;
  return request;
}

const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  url: place.dataset.document,
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
  requestInterceptor: withToken,
});
