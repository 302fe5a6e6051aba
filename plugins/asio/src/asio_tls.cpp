// Apart from asio_impl.cpp: a plugin without TLS does not get it.
#include <utility>  // Boost 1.81 wants it first with GCC 12

#include <boost/asio/ssl/impl/src.hpp>  // NOLINT(trunkline-asio): for plugins whose manifests say that they have sockets
