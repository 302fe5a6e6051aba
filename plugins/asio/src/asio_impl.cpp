#include <utility>  // Boost 1.81 wants it first with GCC 12

#include <boost/asio/impl/src.hpp>  // NOLINT(trunkline-asio): for plugins whose manifests say that they have sockets
