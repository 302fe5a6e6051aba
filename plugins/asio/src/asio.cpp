#include <utility>  // Boost 1.81 wants it first with GCC 12

#include <boost/asio/impl/src.hpp>
