// What the parts of calls share. Owned by CallService.
#pragma once
#include <mutex>

#include "runtime/calls/call.h"
#include "runtime/calls/callback_sender.h"
#include "runtime/calls/notices.h"
#include "runtime/calls/phone_legs.h"
#include "runtime/calls/sound_taps.h"
#include "runtime/services/context.h"

namespace trunkline {
class NumberService;
class ResourceService;
class RoomService;
class SipRoutingService;
}  // namespace trunkline

namespace trunkline::calls {

struct CallCore {
  CallCore(ServiceContext& context, ResourceService& resources, NumberService& numbers, RoomService& rooms,
           SipRoutingService& routing, net::HttpSender& http, PhoneLegs::OnFailed on_leg_failed)
      : context(context),
        resources(resources),
        numbers(numbers),
        rooms(rooms),
        routing(routing),
        http(http),
        sender(context.executor, context.clock, context.log, context.ids, http, signer),
        notices(context, sender),
        legs(context, std::move(on_leg_failed)) {}

  /// Of a connection of this resource, in a state for the action. Throws the documented refusals. [mutex held]
  Connection& require(const Resource& resource, std::string_view connection_id, CallAction action);
  /// [mutex held]
  Call& call_of(const Connection& connection);

  ServiceContext& context;
  ResourceService& resources;
  NumberService& numbers;
  RoomService& rooms;
  SipRoutingService& routing;
  net::HttpSender& http;
  CallbackSigner signer;
  CallbackSender sender;

  /// Guards the book and everything in it, and the order of what is told. Never held while anything is awaited, and nothing that
  /// is called under it calls back.
  std::mutex mutex;
  CallBook book;
  CallNotices notices;
  PhoneLegs legs;
  SoundTaps taps;
};

/// Throws kInvalidArgument unless this is an absolute http or https URL.
void check_callback_uri(std::string_view uri, const std::string& target);

}  // namespace trunkline::calls
