// Error to HTTP.
#pragma once
#include <string>

#include "runtime/net/http.h"
#include "trunkline/error.hpp"

namespace trunkline::server {

/// `http_status`, or what the code of the error amounts to.
int http_status_of(const Error& error);
/// `service_code`, or the customary name for the status.
std::string service_code_of(const Error& error);
/// Status, envelope `{"error":{code,message,target?,details?}}`, `x-ms-error-code`, and `Retry-After` where trying again helps.
net::Response error_response(const Error& error);

}  // namespace trunkline::server
