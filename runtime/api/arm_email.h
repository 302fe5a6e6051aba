// Internal to the management plane of email: the service and the domain that a path means.
#pragma once
#include "runtime/api/arm_communication_api.h"
#include "runtime/server/route.h"
#include "runtime/services/arm_id.h"
#include "runtime/services/email_domain_service.h"

namespace trunkline::api {

inline constexpr const char* kArmEmailProvider = "Microsoft.Communication";
inline constexpr const char* kArmEmailServices =
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication/emailServices";

ArmId email_service_id(const server::RouteContext& context);
ArmId email_domain_id(const server::RouteContext& context);
/// Null when there is none.
EmailServicePtr find_email_service(const ArmServices& services, const server::RouteContext& context);
/// Throws ResourceNotFound, or ParentResourceNotFound `as_parent` of what the request is about.
EmailServicePtr require_email_service(const ArmServices& services, const server::RouteContext& context, bool as_parent);
EmailDomain require_email_domain(const ArmServices& services, const server::RouteContext& context,
                                 const EmailServiceInfo& service, bool as_parent);

}  // namespace trunkline::api
