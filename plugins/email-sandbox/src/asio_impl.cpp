// The parts of Asio that are compiled once.
#include <boost/asio/impl/src.hpp>
