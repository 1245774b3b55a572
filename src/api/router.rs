//! All routes in one place, and the OpenAPI document they generate.

use super::guard;
use super::ops;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::{approvals, calls, conversations, create, handoffs, turns, voice, wire};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, Response, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The whole API as an axum router.
pub fn router(state: ApiState) -> Router {
    let (keyed, _) = keyed_routes().split_for_parts();
    let keyed =
        keyed.route_layer(from_fn_with_state(state.clone(), guard::key)).route_layer(from_fn_with_state(state.clone(), guard::bound));
    let (open, _) = open_routes().split_for_parts();
    let (metrics, _) = metrics_route().split_for_parts();
    let metrics = metrics.route_layer(from_fn_with_state(state.clone(), guard::key_for_metrics));
    let document = openapi();
    Router::new()
        .merge(keyed)
        .merge(open)
        .merge(metrics)
        .route("/openapi.json", get(move || std::future::ready(Json(document.clone()))))
        .fallback(async || Problem::no_route())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn(guard::catch_panic))
        .with_state(state)
}

/// OpenAPI 3.1, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.merge(OpenApiRouter::new().merge(keyed_routes()).merge(open_routes()).merge(metrics_route()).into_openapi());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("APIKeyHeader", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key"))));
    document
}

#[derive(OpenApi)]
#[openapi(
    info(title = "voice-worker", description = "Conversations and live calls of one voice worker."),
    components(schemas(ErrorResponse, HttpValidationError, wire::EvalFilter, wire::TurnResult, wire::SessionTerminationReason))
)]
struct Document;

fn keyed_routes() -> OpenApiRouter<ApiState> {
    let mut routes = OpenApiRouter::new()
        .nest("/v1/v2", of_conversations())
        .nest("/v1", later_edition(of_conversations()))
        .nest("/v1", create::assistant_routes())
        .nest("/v1", handoffs::routes())
        .nest("/v1", approvals::routes())
        .nest("/v1", voice::routes())
        .nest("/v1", calls::routes());
    say_what_stands_before(routes.get_openapi_mut());
    routes
}

fn of_conversations() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(create::routes()).merge(turns::routes()).merge(conversations::routes())
}

/// What every operation may answer, whatever it does: each is refused by what stands before the handlers, or by the store.
fn say_what_stands_before(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            let reads_a_body = operation.request_body.is_some();
            let statuses =
                [("400", true), ("401", true), ("408", reads_a_body), ("413", reads_a_body), ("429", true), ("500", true), ("503", true)];
            for (status, _) in statuses.into_iter().filter(|(_, may)| *may) {
                operation.responses.responses.entry(status.to_owned()).or_insert_with(|| refused().into());
            }
        }
    }
}

fn refused() -> Response {
    let schema = Ref::from_schema_name("ErrorResponse");
    ResponseBuilder::new().description("Refused").content("application/json", ContentBuilder::new().schema(Some(schema)).build()).build()
}

fn open_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(ops::health)).routes(routes!(ops::ready))
}

fn metrics_route() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(ops::metrics))
}

/// The same handlers without `/v2`; an operation id may stand in a document once only.
fn later_edition(mut routes: OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    for item in routes.get_openapi_mut().paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|id| id.replace("V2", ""));
        }
    }
    routes
}
