// AWS Signature Version 4, as S3 and the stores that speak like it want it.
#pragma once
#include <string>

#include "runtime/base/secret.h"
#include "runtime/net/http_sender.h"
#include "trunkline/error.hpp"

namespace trunkline::delivery {

struct S3Credentials {
  std::string region;
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // of temporary credentials; may be empty
};

/// Adds `x-amz-date`, `x-amz-content-sha256`, the session token and `Authorization` to a request, and writes its URL as it is
/// signed. All headers that it has by now are signed, and so is the body: nothing of them may change afterwards. The URL has no
/// query.
void sign_s3(net::ClientRequest& request, const S3Credentials& credentials, Time now);

}  // namespace trunkline::delivery
